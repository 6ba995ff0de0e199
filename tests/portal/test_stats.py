"""What the audit trail adds up to."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from auth.audit import AuditTrail, Event
from tests.clock import HandClock
from tests.stand import Person, Stand

pytestmark = pytest.mark.anyio

START = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


class Calls:
    """Writes calls into somebody's trail as a gateway would."""

    def __init__(self, gatehouse: Stand) -> None:
        self._clock = HandClock()
        self.trail = AuditTrail(gatehouse.gatehouse.database, self._clock)

    def add(
        self,
        whose: Person,
        at: datetime,
        sources: Sequence[tuple[str, str, int]] | None = (),
        *,
        tool: str = "search",
        actor: str = "key",
        actor_id: UUID | None = None,
        outcome: str = "ok",
    ) -> None:
        self._clock.now = at
        reports = [{"key": key, "status": status, "results": 1, "took_ms": ms} for key, status, ms in sources or ()]
        self.trail.record(
            Event(
                user_id=UUID(whose.id),
                actor=actor,
                actor_id=actor_id,
                action="tool.called",
                target=tool,
                outcome=outcome,
                took_ms=5,
                sources=reports if tool == "search" and sources is not None else None,
            )
        )


async def stats(person: Person, **params: str) -> dict[str, Any]:
    whole = {"from": "2026-10-01T12:00:00Z", "to": "2026-10-01T14:00:00Z", **params}
    reply = await person.http.get("/api/v1/activity/stats", params=whole)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def test_calls_are_counted_in_time_without_gaps(gatehouse_on_both: Stand):
    ann, bob = await gatehouse_on_both.person("ann"), await gatehouse_on_both.person("bob")
    calls = Calls(gatehouse_on_both)
    for seconds, outcome, tool in (
        (0, "ok", "search"), (59.9, "ok", "fetch"), (60, "failed", "search"), (7_199, "cancelled", "search"),
        (7_200, "ok", "search"),
    ):  # fmt: skip
        calls.add(ann, START + timedelta(seconds=seconds), outcome=outcome, tool=tool)
    calls.add(bob, START)
    await calls.trail.flush()
    found = await stats(ann)
    assert (found["calls"], found["searches"], found["failed"]) == (4, 3, 2)
    assert found["bucket_s"] == 60
    assert len(found["buckets"]) == 120
    assert [one["at"] for one in found["buckets"][:2]] == ["2026-10-01T12:00:00Z", "2026-10-01T12:01:00Z"]
    counts = [(one["calls"], one["searches"], one["failed"]) for one in found["buckets"]]
    assert counts[0] == (2, 1, 0)
    assert counts[1] == (1, 1, 1)
    assert counts[-1] == (1, 1, 1)
    assert sum(calls for calls, _, _ in counts) == 4
    assert (found["from"], found["to"]) == ("2026-10-01T12:00:00Z", "2026-10-01T14:00:00Z")


async def test_percentiles_are_times_that_were_measured(gatehouse_on_both: Stand):
    """By nearest rank, over all statuses: of 1 to 100 ms the median is 50 and the 95th percentile 95."""
    ann = await gatehouse_on_both.person()
    calls = Calls(gatehouse_on_both)
    times = list(range(1, 101))
    random.Random(5).shuffle(times)  # noqa: S311 - an order, not a secret
    for ms in times:
        status = "timeout" if ms > 98 else "unauthorized" if ms == 10 else "ok"
        calls.add(ann, START, [("box-1", status, ms), *([("outlook-1", "ok", 7)] if ms < 3 else [])])
    calls.add(ann, START)  # a search that asked no source
    calls.add(ann, START, None, outcome="failed")  # one that was cut off before any report
    await calls.trail.flush()
    box, outlook = (await stats(ann))["sources"]
    assert box == {
        "key": "box-1", "asked": 100, "answered": 97, "errors": {"timeout": 2, "unauthorized": 1},
        "p50_ms": 50, "p95_ms": 95,
    }  # fmt: skip
    assert outlook == {"key": "outlook-1", "asked": 2, "answered": 2, "errors": {}, "p50_ms": 7, "p95_ms": 7}


async def test_the_busiest_agents_come_first(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    calls, busy, calm = Calls(gatehouse_on_both), uuid4(), uuid4()
    for number in range(5):
        calls.add(ann, START + timedelta(minutes=number), actor_id=busy, outcome="ok" if number else "failed")
    calls.add(ann, START, actor="agent", actor_id=calm)
    calls.add(ann, START, actor="anonymous")
    await calls.trail.flush()
    agents = (await stats(ann))["agents"]
    assert [(one["actor"], one["actor_id"], one["calls"], one["failed"]) for one in agents] in (
        [("key", str(busy), 5, 1), ("agent", str(calm), 1, 0), ("anonymous", None, 1, 0)],
        [("key", str(busy), 5, 1), ("anonymous", None, 1, 0), ("agent", str(calm), 1, 0)],
    )
    assert agents[0]["last_at"] == "2026-10-01T12:04:00Z"


async def test_real_calls_are_counted_per_server(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    source = await gatehouse_on_both.sample(ann)
    one, other = await gatehouse_on_both.server(ann, [source]), await gatehouse_on_both.server(ann, [source])
    for server in (one, one, other):
        async with gatehouse_on_both.agent(server, await gatehouse_on_both.key(ann, server)) as agent:
            await agent.call_tool("search", {"query": "q-canary"})
    reply = await ann.http.get("/api/v1/activity/stats")
    assert reply.json()["calls"] == 3
    assert reply.json()["sources"][0]["asked"] == 3
    assert "canary" not in reply.text
    reply = await ann.http.get("/api/v1/activity/stats", params={"server_id": one["id"]})
    assert reply.json()["calls"] == 2


@pytest.mark.parametrize(
    ("length", "bucket_s"),
    [
        (timedelta(minutes=1), 60), (timedelta(hours=10), 300), (timedelta(days=1), 900), (timedelta(days=5), 3_600),
        (timedelta(days=30), 21_600), (timedelta(days=120), 86_400), (timedelta(days=400), 604_800),
    ],
)  # fmt: skip
async def test_a_chart_has_at_most_120_columns(gatehouse: Stand, length: timedelta, bucket_s: int):
    ann = await gatehouse.person()
    end = START + timedelta(seconds=1)
    found = await stats(ann, **{"from": (end - length).isoformat(), "to": end.isoformat()})
    assert found["bucket_s"] == bucket_s
    assert len(found["buckets"]) <= 121
    assert datetime.fromisoformat(found["buckets"][0]["at"]) <= end - length
    assert datetime.fromisoformat(found["buckets"][-1]["at"]) < end


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-10-02T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("2025-01-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("2026-10-01T00:00:00", "2026-10-01T00:00:00Z"),
        ("yesterday", "today"),
    ],
)
async def test_a_stretch_of_time_that_is_none_is_refused(gatehouse: Stand, since: str, until: str):
    ann = await gatehouse.person()
    reply = await ann.http.get("/api/v1/activity/stats", params={"from": since, "to": until})
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == "from"


@pytest.mark.slow
async def test_a_hundred_thousand_calls_are_added_up_in_time_for_a_page(gatehouse_on_both: Stand):
    """A generous bound: it takes 1.2 s of one processor."""
    ann = await gatehouse_on_both.person()
    calls, keys = Calls(gatehouse_on_both), [uuid4() for _ in range(30)]
    for number in range(100_000):
        at = START + timedelta(seconds=number * 0.07)
        reports = [(f"box-{one}", "ok", (number * 37 + one) % 4_000) for one in range(4)]
        calls.add(ann, at, reports, actor_id=keys[number % 30])
        if number % 10_000 == 0:
            await calls.trail.flush()
    await calls.trail.flush()
    started = time.perf_counter()
    found = await stats(ann)
    assert time.perf_counter() - started < 10
    assert found["calls"] == 100_000
    assert found["sources"][0]["p50_ms"] in range(1_900, 2_100)
