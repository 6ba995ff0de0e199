"""Keyset pagination, newest first: a page stays right while rows are added and removed around it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import Select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from errors import Invalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    next: str | None
    """The cursor of the following page, opaque to clients."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a list that is asked for."""

    limit: int
    cursor: str | None = None


async def fetch_page(
    session: AsyncSession,
    query: Select[T],
    window: Window,
    moment: InstrumentedAttribute[datetime],
    key: InstrumentedAttribute[UUID],
) -> Page[T]:
    """One page of the query, ordered by `moment` and `key`, both descending. Raises Invalid for a foreign cursor."""
    if window.cursor is not None:
        at, id_ = _decode(window.cursor)
        query = query.where(tuple_(moment, key) < tuple_(at, id_))
    rows = (await session.scalars(query.order_by(moment.desc(), key.desc()).limit(window.limit + 1))).all()
    items = rows[: window.limit]
    if len(rows) <= window.limit:
        return Page(items, None)
    last = items[-1]
    return Page(items, _encode(getattr(last, moment.key), getattr(last, key.key)))


def _encode(at: datetime, key: UUID) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()}/{key.hex}".encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[datetime, UUID]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, key = text.partition("/")
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(hex=key)
    except (binascii.Error, ValueError, OverflowError) as error:  # the last: a moment before the year 1 in UTC
        raise Invalid.field("cursor", "This cursor is not one of ours. Leave it out to begin at the start.") from error
