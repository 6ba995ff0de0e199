"""SQLite files, opened so that nothing can be written, attached or loaded."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiosqlite
from sqlalchemy import ColumnClause, ColumnElement, Text, case, cast, func, literal, text
from sqlalchemy import column as sql_column
from sqlalchemy.types import BigInteger, TypeEngine

from errors import GatehouseError, SourceTimeout, SourceUnavailable
from services.customer_database import problems
from services.customer_database.catalogue import UNKNOWN, Table, Wanted, build_table, split_name
from services.customer_database.database import Limits, Session
from services.customer_database.fts5 import fts5_phrase
from services.customer_database.matching import count_words, holds_any
from services.customer_database.rows import Search, View

_MOST_BYTES: Final = 10_000_000
"""Of one value, so that a query cannot ask for one that fills the memory."""
_STEPS: Final = 20_000
"""Instructions between two looks at the clock: about a millisecond."""

_COLUMNS: Final = text("SELECT name, upper(type) FROM pragma_table_xinfo(:name) WHERE hidden IN (0, 2, 3)")
_DEFINITION: Final = text("SELECT type, coalesce(sql, '') FROM sqlite_master WHERE name = :name")

_READING: Final = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_TRANSACTION,
    }
)
_CHANGING: Final = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
# What the catalogue, FTS5 and SQLAlchemy ask for themselves.
_PRAGMAS: Final = frozenset({"table_xinfo", "data_version", "read_uncommitted"})
# SQLAlchemy adds regexp, which is Python's and cannot be stopped once it runs.
# printf can be told to write a billion characters, and does so without looking at the clock.
_FUNCTIONS: Final = frozenset(
    {"load_extension", "fts3_tokenizer", "regexp", "edit", "readfile", "writefile", "printf", "format"}
)


class SqliteFile:
    """One file, and how to be its harmless reader."""

    name = "sqlite+aiosqlite"
    rows_as_json = False
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self._path = path
        self.limits = limits or Limits()

    async def open(self, *, writing: bool) -> aiosqlite.Connection:
        return await aiosqlite.Connection(lambda: self._connect(writing=writing), iter_chunk_size=64)

    def _connect(self, *, writing: bool) -> sqlite3.Connection:
        """https://sqlite.org/security.html, as far as Python's sqlite3 can say it."""
        uri = f"file:{quote(str(self._path))}?mode={'rw' if writing else 'ro'}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=2.0, check_same_thread=False)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute(f"PRAGMA query_only = {'OFF' if writing else 'ON'}")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.set_authorizer(_authorize_writing if writing else _authorize_reading)
        return connection

    async def begin(self, driver: aiosqlite.Connection, *, writing: bool) -> None:
        deadline = time.monotonic() + self.limits.statement.total_seconds()
        caller = asyncio.current_task()
        cancelled_before = caller.cancelling() if caller else 0

        def is_over() -> int:
            # SQLAlchemy waits for the statement before it lets a cancelled caller go, so it must look for itself.
            return int(time.monotonic() > deadline or (caller is not None and caller.cancelling() > cancelled_before))

        await driver.set_progress_handler(is_over, _STEPS)
        await driver.execute("BEGIN IMMEDIATE" if writing else "BEGIN")

    async def end(self, driver: aiosqlite.Connection, *, keep: bool) -> None:
        await driver.execute("COMMIT" if keep else "ROLLBACK")

    def is_lost(self, driver: aiosqlite.Connection) -> bool:
        return False  # a file has nobody who could hang up

    async def stop(self, driver: aiosqlite.Connection) -> None:
        await driver.interrupt()

    def explain(self, error: BaseException) -> GatehouseError | None:
        if not isinstance(error, sqlite3.Error):
            return None
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_INTERRUPT:
            return SourceTimeout(problems.TOO_SLOW)
        told = {
            sqlite3.SQLITE_CANTOPEN: "The SQLite file cannot be opened.",
            sqlite3.SQLITE_PERM: "The SQLite file cannot be opened.",
            sqlite3.SQLITE_NOTADB: "The file is no SQLite database.",
            sqlite3.SQLITE_CORRUPT: "The SQLite file is damaged.",
            sqlite3.SQLITE_IOERR: "The SQLite file cannot be read.",
            sqlite3.SQLITE_BUSY: problems.LOCKED,
            sqlite3.SQLITE_LOCKED: problems.LOCKED,
            sqlite3.SQLITE_READONLY: problems.WRITES,
            sqlite3.SQLITE_AUTH: problems.WRITES,
            sqlite3.SQLITE_CONSTRAINT: problems.CONSTRAINT,
            sqlite3.SQLITE_TOOBIG: problems.BAD_VALUE,
            sqlite3.SQLITE_ERROR: problems.UNKNOWN_NAME,
        }.get(code)
        return SourceUnavailable(told) if told else None

    async def find_table(self, session: Session, wanted: Wanted) -> Table:
        schema, name = split_name(wanted.name)
        name = name if schema == "main" else wanted.name
        if name.lower().startswith("sqlite_"):
            return build_table(wanted, None, name, {})
        definitions = await session.rows(_DEFINITION, {"name": name})
        kind, sql = definitions[0] if definitions else ("", "")
        rows = await session.rows(_COLUMNS, {"name": name}) if kind in ("table", "view") else ()
        types = {column: _affinity(type_) for column, type_ in rows}
        is_fts5 = " ".join(sql.lower().split()).startswith("create virtual table") and "fts5" in sql.lower()
        if is_fts5:
            types["rowid"] = BigInteger()
        return build_table(wanted, None, name, types, is_fts5=is_fts5)

    async def protections(self, session: Session) -> Sequence[str]:
        await session.rows(text("SELECT 1"))
        return (
            "a file opened for reading only",
            "an authorizer that lets nothing but SELECT through",
            f"{self.limits.statement.total_seconds():.0f} s per statement",
        )

    def readable(self, column: ColumnElement[Any], most: int) -> ColumnElement[Any]:
        # SQLite keeps any type in any column.
        kind = func.typeof(column)
        size = literal("(").concat(cast(func.length(column), Text)).concat(" bytes)")
        return case((kind == "blob", size), (kind == "text", func.substr(column, 1, most)), else_=column)

    def searches(self, view: View, words: Sequence[str]) -> Sequence[Search]:
        columns = [view.column(name) for name in view.searched]
        key = view.column(view.key)
        counted = Search(
            matches=holds_any(columns, words),
            order=(count_words(view.column(view.title), columns, words).desc(), key),
        )
        if not view.table.is_fts5:
            return (counted,)
        # The column filter keeps the search to the columns that the owner named.
        names = " ".join(fts5_phrase(name) for name in view.searched)
        whole: ColumnClause[Any] = sql_column(view.table.clause.name)
        rank: ColumnClause[Any] = sql_column("rank")
        every, some = (f"{{{names}}} : ({operator.join(map(fts5_phrase, words))})" for operator in (" AND ", " OR "))
        return (
            Search(matches=whole.bool_op("MATCH")(literal(every)), order=(rank, key)),
            Search(matches=whole.bool_op("MATCH")(literal(some)), order=(rank, key)),
            Search(matches=counted.matches, order=counted.order, only_if_empty=True),
        )


def _authorize_reading(
    action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None
) -> int:
    """Asked by SQLite for everything that a statement is about to do. https://sqlite.org/c3ref/c_alter_table.html"""
    if action == sqlite3.SQLITE_PRAGMA:
        permitted = (first or "") in _PRAGMAS
    elif action == sqlite3.SQLITE_FUNCTION:
        permitted = (second or "").lower() not in _FUNCTIONS
    elif action == sqlite3.SQLITE_UPDATE:
        # Virtual tables, FTS5 among them, declare their columns so. Nothing is written by it.
        permitted = first == "sqlite_master"
    else:
        permitted = action in _READING
    return sqlite3.SQLITE_OK if permitted else sqlite3.SQLITE_DENY


def _authorize_writing(
    action: int, first: str | None, second: str | None, database: str | None, trigger: str | None
) -> int:
    """The same, and new rows; what else changes may only be done by triggers that the database itself has."""
    if action == sqlite3.SQLITE_INSERT or (action in _CHANGING and trigger is not None):
        return sqlite3.SQLITE_OK
    return _authorize_reading(action, first, second, database, trigger)


def _affinity(type_: str) -> TypeEngine[Any]:
    """https://sqlite.org/datatype3.html#determination_of_column_affinity"""
    if "INT" in type_:
        return BigInteger()
    return Text() if any(part in type_ for part in ("CHAR", "CLOB", "TEXT")) else UNKNOWN
