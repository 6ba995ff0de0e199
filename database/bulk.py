"""Many rows in one statement."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Table, insert
from sqlalchemy.ext.asyncio import AsyncSession

_Store = Callable[[Any], Any]


async def insert_rows(session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts the rows in their order, each with a value for every column; at most 32,766 values in all.

    SQLite's driver gives up the interpreter's lock and waits for it again with every row of an `executemany`: while the
    process was busy, a hundred rows took 200 ms. As the rows of one statement they are one step.
    """
    if not rows:
        return
    dialect = session.get_bind().dialect
    if dialect.name != "sqlite":
        await session.execute(insert(table), list(rows))
        return
    head, group, store = _statement(table, dialect)
    values = tuple([to_stored(row[name]) for row in rows for name, to_stored in store])
    connection = await session.connection()
    await connection.exec_driver_sql(f"{head} VALUES {', '.join([group] * len(rows))}", values)


@functools.lru_cache(maxsize=8)
def _statement(table: Table, dialect: Dialect) -> tuple[str, str, Sequence[tuple[str, _Store]]]:
    """The statement's beginning and one row of it; of each column its name and what makes of a value what is stored."""
    head, _, group = str(insert(table).compile(dialect=dialect)).partition(" VALUES ")
    stores = [one.type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is for one in table.columns]
    return head, group, [(one.name, store) for one, store in zip(table.columns, stores, strict=True)]


def _as_it_is(value: Any) -> Any:
    return value
