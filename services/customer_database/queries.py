"""SQL that the owner of a database wrote, run with values that somebody else gave.

The values are bound, never written into the SQL. What keeps the SQL from doing more than reading is the transaction
it runs in, the one statement per call, and that it must stand inside a SELECT of ours, where nothing but another SELECT
can. On PostgreSQL it is run there; elsewhere it is planned there first, because MariaDB forgets the order of rows in
such a place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import BigInteger, Boolean, Double, Text, TypeEngine

from errors import SourceUnavailable
from services.customer_database import problems
from services.customer_database.database import Session, driver_error
from services.customer_database.rows import Reader
from services.rendering import as_text

Value = str | int | float | bool | None

LONGEST_ROW: Final = 100_000
"""Characters of one row, as JSON; a longer one is left out."""
_TYPES: Final[Mapping[type, TypeEngine[Any]]] = {str: Text(), int: BigInteger(), float: Double(), bool: Boolean()}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """Rows of values that JSON has."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    complete: bool
    """Whether these are all rows."""


async def run_query(
    session: Session, reader: Reader, sql: str, values: Mapping[str, Value], types: Mapping[str, type], *, most: int
) -> QueryResult:
    """The first `most` rows. `types` has a Python type for every value, which may be None."""
    with _owners_mistakes(reader):
        if not reader.rows_as_json:
            await session.rows(_planned(sql, types), values)
        columns, rows, complete = await session.first_rows(_statement(reader, sql, types, most), values, most=most)
    if reader.rows_as_json:
        return _from_json(rows, complete=complete)
    told = [[_told(value) for value in row] for row in rows]
    return QueryResult(columns=columns, rows=told, complete=complete)


async def explain_query(session: Session, reader: Reader, sql: str, types: Mapping[str, type]) -> None:
    """Has the database plan the query without running it, so that a mistake shows when it is configured."""
    with _owners_mistakes(reader):
        await session.rows(_planned(sql, types), dict.fromkeys(types))


@contextmanager
def _owners_mistakes(reader: Reader) -> Iterator[None]:
    """What would be a mistake of ours in SQL of ours is the owner's in theirs."""
    known: tuple[type[Exception], ...] = (SQLAlchemyError, *reader.errors)
    try:
        yield
    except known as error:
        if reader.explain(driver_error(error)) is None:
            raise SourceUnavailable(problems.BAD_SQL) from error
        raise


def _planned(sql: str, types: Mapping[str, type]) -> TextClause:
    inside = f"EXPLAIN SELECT * FROM (\n{_bare(sql)}\n) AS answer"  # noqa: S608 - the owner's SQL
    return text(inside).bindparams(*_binds(types))


def _statement(reader: Reader, sql: str, types: Mapping[str, type], most: int) -> TextClause:
    statement = _bare(sql)
    if reader.rows_as_json:
        # The server cuts its rows before they are sent to us. The line break ends a comment that the SQL may end with.
        # Without the asterisk, `answer` would mean a column of that name where there is one.
        cut = f"pg_catalog.left(pg_catalog.row_to_json(answer.*)::text, {LONGEST_ROW + 1})"
        statement = f"SELECT {cut} FROM (\n{statement}\n) AS answer LIMIT {most + 1}"  # noqa: S608 - the owner's SQL
    return text(statement).bindparams(*_binds(types))


def _bare(sql: str) -> str:
    return sql.strip().rstrip(";").rstrip()


def _binds(types: Mapping[str, type]) -> list[Any]:
    return [bindparam(name, type_=_TYPES[type_]) for name, type_ in types.items()]


def _from_json(rows: Sequence[tuple[Any, ...]], *, complete: bool) -> QueryResult:
    """Rows that the server has written as JSON objects, columns of the same name included."""
    fitting = [row[0] for row in rows if len(row[0]) <= LONGEST_ROW]
    parsed = [json.loads(line, object_pairs_hook=tuple) for line in fitting]
    return QueryResult(
        columns=[name for name, _ in parsed[0]] if parsed else (),
        rows=[[_told(_plain(value)) for _, value in row] for row in parsed],
        complete=complete and len(fitting) == len(rows),
    )


def _plain(value: object) -> object:
    """Inner JSON objects, which were read as pairs, as objects again."""
    if isinstance(value, tuple):
        return {name: _plain(inner) for name, inner in value}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _told(value: object) -> Value:
    return value if isinstance(value, str | int | float | bool | None) else as_text(value)
