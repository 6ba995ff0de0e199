"""Moments, in and out of both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from database.engine import Database
from database.models import User

pytestmark = pytest.mark.anyio


def user(created_at: datetime) -> User:
    name = uuid4().hex
    return User(
        id=uuid4(),
        email=name,
        email_key=name,
        name="x",
        password_hash="x",
        created_at=created_at,
        updated_at=created_at,
    )


async def stored(database: Database, row: User) -> User:
    async with database.writing() as session:
        session.add(row)
    async with database.reading() as session:
        found = await session.scalar(select(User).where(User.id == row.id))
    assert found is not None
    return found


async def test_a_moment_of_another_zone_comes_back_as_the_same_moment_in_utc(database: Database):
    there = datetime(2026, 3, 1, 1, 30, 15, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    found = await stored(database, user(there))
    assert found.created_at == there
    assert found.created_at.tzinfo is UTC
    assert found.created_at.isoformat() == "2026-02-28T20:00:15.123456+00:00"


async def test_no_moment_stays_none(database: Database):
    assert (await stored(database, user(datetime.now(UTC)))).deleted_at is None


async def test_a_moment_without_a_zone_is_refused(database: Database):
    with pytest.raises(StatementError, match="without a zone"):
        await stored(database, user(datetime(2026, 3, 1, 1, 30)))  # noqa: DTZ001 - that it is refused is the point


async def test_moments_compare_across_zones(database: Database):
    there = datetime(2026, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=14)))
    row = await stored(database, user(there))
    async with database.reading() as session:
        before = await session.scalar(
            select(User.id).where(User.created_at < datetime(2026, 2, 28, 11, 0, 1, tzinfo=UTC))
        )
        after = await session.scalar(select(User.id).where(User.created_at < datetime(2026, 2, 28, 11, 0, tzinfo=UTC)))
    assert (before, after) == (row.id, None)
