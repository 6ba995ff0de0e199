"""The warehouse: SQLite in memory, read-only, behind Snowflake's SQL."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.behaviour import Clock
from sandbox.snowflake.cells import ResultColumn, column_of
from sandbox.snowflake.errors import StatementFailed, compilation_error, missing_object
from sandbox.snowflake.functions import install
from sandbox.snowflake.sql_text import Catalog, Token, statements, to_sqlite, tokens
from sandbox.world import Cell, ColumnType, World

_READING: Final = frozenset({"SELECT", "WITH", "CALL"})
_NOT_SUPPORTED: Final = frozenset({"PUT", "GET", "USE", "ALTER", "BEGIN", "COMMIT", "ROLLBACK", "SET"})
_TYPES: Final[dict[ColumnType, str]] = {"NUMBER": "INTEGER", "FLOAT": "REAL", "BOOLEAN": "INTEGER"}
_ALLOWED: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_NO_COLUMN: Final = re.compile(r"no such column: (\S+)")
_NO_TABLE: Final = re.compile(r"no such table: (\S+)")
_NO_FUNCTION: Final = re.compile(r"no such function: (\S+)")
_NEAR: Final = re.compile(r'near "(.*)": syntax error')


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a statement's unqualified names stand for, and its parameters."""

    database: str
    schema: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSet:
    """Rows as the warehouse has them, before they are written as strings."""

    columns: tuple[ResultColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Warehouse:
    """Runs one statement at a time."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._tables = frozenset((table.database, table.schema, table.name) for table in world.tables)
        self._types = {column.name: column.type for table in world.tables for column in table.columns}
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        _fill(self._connection, world)
        known = world.credentials.snowflake
        session = {
            "CURRENT_USER": known.user,
            "CURRENT_ROLE": known.role,
            "CURRENT_WAREHOUSE": known.warehouse,
            "CURRENT_ACCOUNT": known.account,
            "CURRENT_VERSION": "9.40.0",
        }
        install(self._connection, clock, session)
        self._connection.set_authorizer(_read_only)

    def databases(self) -> frozenset[str]:
        return frozenset(database for database, _, _ in self._tables)

    def run(self, text: str, bindings: Sequence[Cell], context: Context) -> ResultSet:
        """The rows of one statement. Raises StatementFailed."""
        statement = one_statement(text)
        _check_reading(statement)
        if statement[0].text == "CALL":
            statement = [Token("word", "SELECT", statement[0].position), *statement[1:]]
        catalog = Catalog(tables=self._tables, database=context.database, schema=context.schema)
        translated = to_sqlite(statement, catalog)
        marks = sum(token.text == "?" and token.kind == "mark" for token in statement)
        if marks != len(bindings):
            raise StatementFailed(
                "002049", "42601", f"SQL compilation error: Bind variable ?{len(bindings) + 1} not set."
            )
        try:
            cursor = self._connection.execute(translated, tuple(bindings))
            rows = tuple(cursor.fetchall())
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise _told(error) from error
        names = [description[0].replace("`", "") for description in cursor.description]
        columns = tuple(
            column_of(name, (row[number] for row in rows), self._types) for number, name in enumerate(names)
        )
        return ResultSet(columns=columns, rows=rows)


def one_statement(text: str) -> list[Token]:
    """The only statement of a request. Raises StatementFailed for none and for several."""
    found = statements(tokens(text))
    if not found:
        raise StatementFailed("000900", "42601", "SQL compilation error: Empty SQL statement.")
    if len(found) > 1:
        text = f"Actual statement count {len(found)} did not match the desired statement count 1."
        raise StatementFailed("000008", "0A000", text)
    return found[0]


def _check_reading(statement: Sequence[Token]) -> None:
    """Refuses everything that does not read: the role has USAGE and SELECT, no more."""
    first = statement[0]
    if first.text in _READING:
        return
    if first.text in _NOT_SUPPORTED:
        raise StatementFailed("391911", "0A000", f"Unsupported statement type '{first.text}'.")
    if first.text in {"INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "DROP", "TRUNCATE", "GRANT", "COPY"}:
        raise StatementFailed(
            "003001", "42501", "SQL access control error:\nInsufficient privileges to operate on table."
        )
    raise compilation_error(
        f"\nsyntax error line 1 at position {first.position} unexpected '{first.text}'.", code="001003"
    )


def _fill(connection: sqlite3.Connection, world: World) -> None:
    for table in world.tables:
        columns = ", ".join(f"`{column.name}` {_TYPES.get(column.type, 'TEXT')}" for column in table.columns)
        connection.execute(f"CREATE TABLE `{table.name}` ({columns})")
        marks = ", ".join("?" for _ in table.columns)
        connection.executemany(f"INSERT INTO `{table.name}` VALUES ({marks})", table.rows)  # noqa: S608 - a name of the world's own
    connection.execute(
        "CREATE TABLE `INFORMATION_SCHEMA.TABLES` (TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ROW_COUNT)"
    )
    connection.execute(
        "CREATE TABLE `INFORMATION_SCHEMA.COLUMNS` "
        "(TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, DATA_TYPE, IS_NULLABLE)"
    )
    for table in world.tables:
        names = (table.database, table.schema, table.name)
        row = (*names, "BASE TABLE", len(table.rows))
        connection.execute("INSERT INTO `INFORMATION_SCHEMA.TABLES` VALUES (?, ?, ?, ?, ?)", row)
        connection.executemany(
            "INSERT INTO `INFORMATION_SCHEMA.COLUMNS` VALUES (?, ?, ?, ?, ?, ?, 'YES')",
            [(*names, column.name, place, column.type) for place, column in enumerate(table.columns, start=1)],
        )


def _read_only(action: int, *_what: str | None) -> int:
    """SQLite asks before everything it does (sqlite3_set_authorizer)."""
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _told(error: Exception) -> StatementFailed:
    """SQLite's complaint in Snowflake's words."""
    text = str(error)
    if found := _NO_COLUMN.search(text):
        return compilation_error(f"error line 1 at position 0\ninvalid identifier '{found[1].strip('`')}'")
    if found := _NO_TABLE.search(text):
        return missing_object("Object", found[1])
    if found := _NO_FUNCTION.search(text):
        return compilation_error(f"\nUnknown function {found[1]}.", code="002140", sql_state="42601")
    found = _NEAR.search(text)
    unexpected = found[1] if found else "<EOF>" if text == "incomplete input" else text
    return compilation_error(f"\nsyntax error line 1 unexpected '{unexpected}'.", code="001003")
