"""Rows that are inserted together are stored as if each had been inserted by itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, cast
from uuid import uuid4

import pytest
from sqlalchemy import Table, insert, select, text
from sqlalchemy.exc import IntegrityError

from database.bulk import insert_rows
from database.engine import Database
from database.models import AuditEvent

pytestmark = pytest.mark.anyio

EVENTS = cast("Table", AuditEvent.__table__)


def row(position: int, **more: Any) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "occurred_at": datetime(2026, 5, 1, 12, 30, 15, 250, tzinfo=UTC),
        "user_id": None,
        "actor": "key",
        "actor_id": uuid4(),
        "action": "tool.called",
        "server_id": None,
        "target": "search",
        "outcome": "ok",
        "took_ms": 3,
        "results": 0,
        "sources": [{"key": "box-1", "status": "ok", "results": 2, "took_ms": 1}],
        "address": "::1",
        "agent": "Größe “東京” '; DROP TABLE users; --",
        "salt": "",
        "commitment": "c" * 64,
        "writer": "w",
        "day": date(2026, 5, 1),
        "position": position,
        "previous_hash": "0" * 64,
        "hash": "h" * 64,
        **more,
    }


async def test_every_value_comes_back_as_it_was(database: Database):
    elsewhere = datetime(2026, 5, 1, 3, tzinfo=timezone(timedelta(hours=5)))
    rows = [row(0), row(1, sources=None, address=None, agent=None, occurred_at=elsewhere), row(2, sources=[])]
    async with database.writing() as session:
        await insert_rows(session, EVENTS, rows)
    async with database.reading() as session:
        stored = (await session.execute(select(EVENTS).order_by(EVENTS.c.position))).mappings().all()
    assert [dict(one) for one in stored] == rows


async def test_it_is_stored_as_one_row_by_itself_would_be(database: Database):
    together, alone = row(0), row(1)
    async with database.writing() as session:
        await insert_rows(session, EVENTS, [together])
        await session.execute(insert(EVENTS), alone)
    async with database.reading() as session:
        raw = (await session.execute(text("SELECT * FROM audit_events ORDER BY position"))).mappings().all()
    changed = {name for name in raw[0] if raw[0][name] != raw[1][name]}
    assert changed == {"id", "actor_id", "position"}
    assert [type(value) for value in raw[0].values()] == [type(value) for value in raw[1].values()]


async def test_as_many_as_the_trail_writes_at_once_keep_their_order(database: Database):
    async with database.writing() as session:
        await insert_rows(session, EVENTS, [row(number) for number in range(1_500)])
        await insert_rows(session, EVENTS, [])
    async with database.reading() as session:
        positions = list(await session.scalars(select(EVENTS.c.position).order_by(EVENTS.c.position)))
    assert positions == list(range(1_500))


async def test_one_that_cannot_be_stored_takes_the_others_with_it(database: Database):
    async with database.writing() as session:
        await insert_rows(session, EVENTS, [row(7)])
    with pytest.raises(IntegrityError):
        async with database.writing() as session:
            await insert_rows(session, EVENTS, [row(8), row(7)])  # one writer's positions are unique
    async with database.reading() as session:
        assert list(await session.scalars(select(EVENTS.c.position))) == [7]
