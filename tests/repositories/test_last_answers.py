"""When sources last answered, out of the trail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from auth.audit import AuditTrail, Event
from repositories.audit import AuditEvents
from tests.clock import HandClock
from tests.stand import Stand

pytestmark = pytest.mark.anyio

START = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
ANN = uuid4()


async def told(house: Stand, events: list[tuple[str, str, list[dict[str, Any]] | None]], most: int) -> dict[str, int]:
    """By key, in which minute; one event of ANN's trail is written per minute: action, target, sources."""
    clock = HandClock()
    clock.now = START
    trail = AuditTrail(house.gatehouse.database, clock)
    for action, target, sources in events:
        trail.record(Event(user_id=ANN, actor="key", action=action, target=target, sources=sources))
        clock.forward(minutes=1)
    await trail.flush()
    async with house.gatehouse.database.reading() as session:
        found = await AuditEvents(session).last_answers(ANN, most)
    return {key: (at - START) // timedelta(minutes=1) for key, at in found.items()}


def report(key: str, status: str = "ok", **more: Any) -> dict[str, Any]:
    return {"key": key, "status": status, "results": 1, "took_ms": 5, **more}


async def test_the_newest_answer_of_each_counts_and_neither_failures_nor_kept_answers(gatehouse_on_both: Stand):
    events: list[tuple[str, str, list[dict[str, Any]] | None]] = [
        ("tool.called", "search", [report("a"), report("b")]),
        ("server.tried", "search", [report("a"), report("b", "timeout")]),
        ("tool.called", "search", [report("a", reused=True), report("c", "failed")]),
        ("tool.called", "fetch", None),
        ("source.checked", "a", None),
    ]
    assert await told(gatehouse_on_both, events, most=10) == {"a": 1, "b": 0}


async def test_no_more_events_are_looked_through_than_asked_for(gatehouse: Stand):
    events: list[tuple[str, str, list[dict[str, Any]] | None]] = [
        ("tool.called", "search", [report("a")]),
        ("tool.called", "search", [report("b")]),
        ("tool.called", "fetch", None),
    ]
    assert await told(gatehouse, events, most=2) == {"b": 1}


async def test_somebody_elses_trail_tells_nothing(gatehouse: Stand):
    await told(gatehouse, [("tool.called", "search", [report("a")])], most=10)
    async with gatehouse.gatehouse.database.reading() as session:
        assert await AuditEvents(session).last_answers(UUID(int=1), 10) == {}
