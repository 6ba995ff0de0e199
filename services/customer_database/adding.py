"""Adding a row to a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, FetchedValue, MetaData, insert
from sqlalchemy import Table as SqlTable
from sqlalchemy.types import BigInteger, Date, DateTime

from services.customer_database.database import Session
from services.customer_database.rows import View
from services.rendering import as_text


async def add_row(session: Session, view: View, values: Mapping[str, object]) -> str:
    """The key that the database gave to the new row, or "" if it does not tell."""
    given = [Column(view.column(name).name, view.column(name).type) for name in values]
    key = view.column(view.key)
    is_counted = isinstance(key.type, BigInteger)
    own: Column[Any] = Column(
        key.name,
        key.type,
        primary_key=True,
        autoincrement=is_counted,
        server_default=None if is_counted else FetchedValue(),
    )
    clause = view.table.clause
    table = SqlTable(clause.name, MetaData(), own, *given, schema=clause.schema)
    return as_text(await session.write(insert(table).values(dict(values))))


def moment_for(view: View, column: str, now: datetime) -> object:
    """A moment as this column keeps it: with a zone, without one in UTC, as a day, or as text."""
    type_ = view.column(column).type
    utc = now.astimezone(UTC)
    if isinstance(type_, DateTime):
        return utc if type_.timezone else utc.replace(tzinfo=None)
    if isinstance(type_, Date):
        return utc.date()
    return utc.strftime("%Y-%m-%d %H:%M:%S")
