"""Many rows in one statement."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Dialect, Table, insert
from sqlalchemy.ext.asyncio import AsyncSession

MOST_AT_ONCE: Final = 128
"""Rows in a statement, a power of two. SQLite takes 32,766 values in one."""

_Store = Callable[[Any], Any]


async def insert_rows(session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts the rows in their order, each with a value for every column.

    SQLite's driver gives up the interpreter's lock and waits for it again with every row of an `executemany`: while the
    process was busy, a hundred rows took 200 ms. As the rows of one statement they are one step. There are eight such
    statements, because the driver keeps what it has prepared.
    """
    dialect = session.get_bind().dialect
    if dialect.name != "sqlite":
        if rows:
            await session.execute(insert(table), list(rows))
        return
    head, group, store = _statement(table, dialect)
    connection = await session.connection()
    start = 0
    while start < len(rows):
        count = min(MOST_AT_ONCE, 1 << (len(rows) - start).bit_length() - 1)
        values = [to_stored(row[name]) for row in rows[start : start + count] for name, to_stored in store]
        await connection.exec_driver_sql(f"{head} VALUES {', '.join([group] * count)}", tuple(values))
        start += count


@functools.lru_cache(maxsize=8)
def _statement(table: Table, dialect: Dialect) -> tuple[str, str, Sequence[tuple[str, _Store]]]:
    """The statement's beginning and one row of it; of each column its name and what makes of a value what is stored."""
    head, _, group = str(insert(table).compile(dialect=dialect)).partition(" VALUES ")
    stores = [one.type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is for one in table.columns]
    return head, group, [(one.name, store) for one, store in zip(table.columns, stores, strict=True)]


def _as_it_is(value: Any) -> Any:
    return value
