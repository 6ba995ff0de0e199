"""The audit trail: order, chains that tell of tampering, and what survives what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from auth.audit import AuditTrail, Event, verify
from database.engine import Database
from database.models import AuditEvent
from repositories.audit import AuditEvents
from tests.clock import HandClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> HandClock:
    clock = HandClock()
    clock.now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    return clock


@pytest.fixture
def trail(database: Database, clock: HandClock) -> AuditTrail:
    return AuditTrail(database, clock)


def event(action: str, **more: object) -> Event:
    values = {"user_id": uuid4(), "actor": "user", "address": "198.51.100.7", "agent": "curl/8", **more}
    return Event(action=action, **values)  # type: ignore[arg-type]  # a test's shorthand


async def chains(database: Database) -> list[Sequence[AuditEvent]]:
    async with database.reading() as session:
        events = AuditEvents(session)
        return [await events.chain(*chain) for chain in sorted(await events.chains())]


async def only_chain(database: Database) -> Sequence[AuditEvent]:
    (chain,) = await chains(database)
    return chain


async def change(database: Database, statement: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text(statement))


async def write(trail: AuditTrail, count: int) -> None:
    for number in range(count):
        trail.record(event(f"number.{number}", sources=[{"key": "box-1", "status": "ok", "results": 1, "took_ms": 3}]))
    await trail.flush()


async def test_events_are_kept_in_the_order_in_which_they_happened(trail: AuditTrail, database: Database):
    await write(trail, 5)
    trail.record(event("number.5"))
    await trail.flush()
    chain = await only_chain(database)
    assert [row.action for row in chain] == [f"number.{number}" for number in range(6)]
    assert [row.position for row in chain] == list(range(6))
    assert verify(chain) is None


async def test_each_writer_and_day_has_a_chain_of_its_own(trail: AuditTrail, database: Database, clock: HandClock):
    await write(trail, 2)
    clock.forward(days=1)
    await write(trail, 2)
    await write(AuditTrail(database, clock), 2)
    found = await chains(database)
    assert [len(chain) for chain in found] == [2, 2, 2]
    assert all(verify(chain) is None for chain in found)


async def test_a_clock_that_is_set_back_over_midnight_stops_nothing(
    trail: AuditTrail, database: Database, clock: HandClock
):
    clock.now = datetime(2026, 5, 2, 0, 0, 1, tzinfo=UTC)
    await write(trail, 1)
    clock.forward(seconds=-5)
    await write(trail, 1)
    clock.forward(seconds=10)
    await write(trail, 1)
    chain = await only_chain(database)
    assert len(chain) == 3
    assert verify(chain) is None


TAMPERING = {
    "an action": "UPDATE audit_events SET action = 'harmless' WHERE position = 2",
    "an outcome": "UPDATE audit_events SET outcome = 'refused' WHERE position = 2",
    "a count": "UPDATE audit_events SET results = 5 WHERE position = 2",
    "the sources": "UPDATE audit_events SET sources = NULL WHERE position = 2",
    "a moment": "UPDATE audit_events SET occurred_at = '2026-05-01 12:00:01+00:00' WHERE position = 2",
    "whose it is": "UPDATE audit_events SET user_id = NULL WHERE position = 2",
    "an address": "UPDATE audit_events SET address = '203.0.113.1' WHERE position = 2",
    "a program": "UPDATE audit_events SET agent = 'other' WHERE position = 2",
    "one address emptied": "UPDATE audit_events SET address = NULL WHERE position = 2",
    "a hash": "UPDATE audit_events SET hash = previous_hash WHERE position = 2",
    "a row removed": "DELETE FROM audit_events WHERE position = 2",
    "the first row removed": "DELETE FROM audit_events WHERE position = 0",
}


@pytest.mark.parametrize("what", TAMPERING)
async def test_tampering_is_found(trail: AuditTrail, database: Database, what: str):
    await write(trail, 5)
    statement = TAMPERING[what]
    if what == "a moment" and database.is_sqlite:
        statement = statement.replace("+00:00", ".000000")
    await change(database, statement)
    found = verify(await only_chain(database))
    assert found is not None
    assert found.position == (0 if "first" in what else 2)


async def test_two_rows_that_change_places_are_found(trail: AuditTrail, database: Database):
    await write(trail, 5)
    for old, new in ((1, -1), (2, 1), (-1, 2)):
        await change(database, f"UPDATE audit_events SET position = {new} WHERE position = {old}")  # noqa: S608
    found = verify(await only_chain(database))
    assert found is not None
    assert found.position == 1


async def test_after_a_purge_of_personal_fields_the_chain_still_verifies(trail: AuditTrail, database: Database):
    await write(trail, 5)
    await change(database, "UPDATE audit_events SET address = NULL, agent = NULL, salt = '' WHERE position IN (1, 3)")
    chain = await only_chain(database)
    assert verify(chain) is None
    await change(database, "UPDATE audit_events SET action = 'harmless' WHERE position = 3")
    found = verify(await only_chain(database))
    assert found is not None, "and what is left still cannot be changed"
    assert found.position == 3


async def test_a_commitment_does_not_give_away_what_was_purged(trail: AuditTrail, database: Database):
    trail.record(event("one"))
    trail.record(event("two"))
    await trail.flush()
    first, second = await only_chain(database)
    assert first.address == second.address
    assert first.commitment != second.commitment


async def test_a_database_that_is_away_for_a_while_costs_no_event(trail: AuditTrail, database: Database):
    await write(trail, 2)
    await change(database, "ALTER TABLE audit_events RENAME TO elsewhere")
    trail.record(event("meanwhile"))
    with pytest.raises(SQLAlchemyError):
        await trail.flush()
    await change(database, "ALTER TABLE elsewhere RENAME TO audit_events")
    trail.record(event("after"))
    await trail.flush()
    chain = await only_chain(database)
    assert [row.action for row in chain] == ["number.0", "number.1", "meanwhile", "after"]
    assert verify(chain) is None


async def test_whoever_gives_up_waiting_for_a_flush_does_not_break_the_chain(trail: AuditTrail, database: Database):
    for _ in range(20):
        trail.record(event("interrupted"))
        waiting = asyncio.create_task(trail.flush())
        await asyncio.sleep(0.002)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await trail.flush()
    chain = await only_chain(database)
    assert len(chain) == 20
    assert verify(chain) is None


async def test_a_clean_stop_writes_what_still_waits(trail: AuditTrail, database: Database):
    trail.start()
    for _ in range(1_200):
        trail.record(event("last words"))
    await trail.aclose()
    async with database.reading() as session:
        written = (await session.scalars(select(AuditEvent.position).order_by(AuditEvent.position))).all()
    assert written == list(range(1_200))


async def test_what_is_recorded_is_written_within_a_moment(trail: AuditTrail, database: Database):
    trail.start()
    trail.record(event("soon"))
    async with asyncio.timeout(5):
        while not await chains(database):  # noqa: ASYNC110 - the database rings no bell
            await asyncio.sleep(0.05)
    await trail.aclose()


async def test_an_agent_that_calls_itself_by_a_long_name_is_cut(trail: AuditTrail, database: Database):
    trail.record(event("x", agent="a" * 10_000))
    await trail.flush()
    (row,) = await only_chain(database)
    assert row.agent == "a" * 120
    assert verify([row]) is None


def test_an_empty_chain_is_whole():
    assert verify([]) is None


async def test_moments_are_recorded_when_things_happen_and_not_when_they_are_written(
    trail: AuditTrail, database: Database, clock: HandClock
):
    happened = clock.now
    trail.record(event("x"))
    clock.forward(minutes=1)
    await trail.flush()
    (row,) = await only_chain(database)
    assert row.occurred_at == happened
    assert clock.now - row.occurred_at == timedelta(minutes=1)
