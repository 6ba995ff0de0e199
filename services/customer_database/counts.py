"""How many rows there are of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from sqlalchemy import Text, cast, func, literal, select

from services.customer_database.database import Session
from services.customer_database.rows import Reader, View
from services.rendering import as_text

MOST_VALUES: Final = 100


async def count_values(session: Session, reader: Reader, view: View, column: str) -> Mapping[str, int]:
    """The column's 100 most frequent values, each with its number of rows; NULL is ""."""
    value = reader.readable(view.column(column), 200)
    count = func.count()
    statement = select(value, count).select_from(view.table.clause).group_by(value).order_by(count.desc(), value)
    return {as_text(found): number for found, number in await session.rows(statement.limit(MOST_VALUES))}


async def count_days(session: Session, view: View, column: str, *, since: date, most: int) -> Mapping[str, int]:
    """The number of rows of each day in UTC on which there are any: `{"2026-11-20": 3}`, in order."""
    day = cast(func.date(view.column(column)), Text)
    statement = (
        select(day, func.count())
        .select_from(view.table.clause)
        .where(day >= literal(since.isoformat(), Text))
        .group_by(day)
        .order_by(day)
        .limit(most)
    )
    return {as_text(found): number for found, number in await session.rows(statement)}
