"""A database that does not answer is waited for so long and no longer: PostgreSQL that hangs, a SQLite file that
somebody else keeps locked."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.pool import QueuePool

from database.engine import Database
from database.migrations import locked, upgrade
from database.models import Attempt
from errors import DatabaseAway
from tests.servers.postgres import PostgresServer
from tests.servers.relay import Relay, relayed

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PATIENCE_S = 0.7


@dataclass(frozen=True, slots=True)
class Far:
    """A database of our own behind a relay that can stop, and what waits `PATIENCE_S` for it."""

    relay: Relay
    server: PostgresServer
    name: str
    database: Database

    def connections(self) -> list[str]:
        """What each is doing: `active`, `idle`, ..."""
        known = self.server.execute("SELECT datname, state FROM pg_stat_activity")
        return [state for database, state in known if database == self.name]


@pytest.fixture
async def far(postgres: PostgresServer, postgres_template: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Far]:
    monkeypatch.setattr("database.engine._PATIENCE_S", PATIENCE_S)
    monkeypatch.setattr("database.engine._FAREWELL_S", 0.1)
    name = postgres.create_database(postgres_template)
    async with relayed(postgres.port) as relay:
        database = Database(replace(postgres, port=relay.port).url(name))
        yield Far(relay, postgres, name, database)
        relay.manner = "ok"
        await database.aclose()
    postgres.drop_database(name)


async def ask(database: Database) -> int | None:
    async with database.reading() as session:
        answer: int | None = await session.scalar(text("SELECT 1"))
        return answer


async def note(database: Database, subject: str) -> None:
    async with database.writing() as session:
        session.add(Attempt(subject=subject, count=0, window_ends_at=NOW))


async def noted(database: Database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(select(Attempt.subject).order_by(Attempt.subject)))


@contextmanager
def refused_in_time() -> Iterator[None]:
    with pytest.raises(DatabaseAway):
        yield


def checked_out(database: Database) -> int:
    return cast("QueuePool", database.engine.pool).checkedout()


async def test_what_hangs_before_a_transaction_is_away(far: Far):
    assert await ask(far.database) == 1
    far.relay.manner = "held"
    async with asyncio.timeout(10):
        for _ in range(2):  # on the connection that was idle, and on one that cannot be opened
            with refused_in_time():
                await ask(far.database)
    assert checked_out(far.database) == 0
    far.relay.manner = "ok"
    assert await ask(far.database) == 1


async def test_so_it_is_in_the_middle_of_one(far: Far):
    async def hang_within(relay: Relay) -> None:
        async with far.database.writing() as session:
            await session.scalar(text("SELECT 1"))
            relay.manner = "held"
            await session.scalar(text("SELECT 2"))

    async with asyncio.timeout(10):
        with refused_in_time():
            await hang_within(far.relay)
    assert checked_out(far.database) == 0
    far.relay.manner = "ok"
    assert await ask(far.database) == 1


async def test_and_at_its_commit_of_which_nobody_knows_then_how_it_ended(far: Far):
    await note(far.database, "before")
    event.listen(far.database.engine.sync_engine, "commit", lambda _: far.relay.hold(), once=True)
    async with asyncio.timeout(10):
        with refused_in_time():
            await note(far.database, "unknown")
    assert checked_out(far.database) == 0
    far.relay.manner = "ok"
    async with asyncio.timeout(10):
        while await noted(far.database) != ["before", "unknown"]:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.05)


async def test_more_callers_than_connections_wait_no_longer(far: Far):
    far.relay.manner = "held"
    async with asyncio.timeout(10):
        replies = await asyncio.gather(*(ask(far.database) for _ in range(60)), return_exceptions=True)
    assert {type(reply) for reply in replies} == {DatabaseAway}
    assert checked_out(far.database) == 0
    far.relay.manner = "ok"
    assert await asyncio.gather(*(ask(far.database) for _ in range(60))) == [1] * 60


async def test_closing_does_not_wait_for_the_dead(far: Far):
    await asyncio.gather(*(ask(far.database) for _ in range(5)))
    assert cast("QueuePool", far.database.engine.pool).checkedin() > 1
    far.relay.manner = "held"
    async with asyncio.timeout(10):
        await far.database.aclose()


async def test_the_server_is_told_to_stop_what_took_too_long(far: Far):
    async with asyncio.timeout(10):
        with refused_in_time():
            await sleep(far.database, 60)
        while "active" in far.connections():  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.05)
    assert checked_out(far.database) == 0
    assert await ask(far.database) == 1


async def test_what_legitimately_takes_long_is_unhurried_and_leaves_no_connection(far: Far):
    unhurried = far.database.unhurried()
    await sleep(unhurried, PATIENCE_S * 2)
    await note(unhurried, "late")
    assert await noted(unhurried) == ["late"]
    async with asyncio.timeout(10):
        while far.connections():  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.05)


async def test_a_migration_waits_for_the_one_that_is_under_way(far: Far):
    async with locked(far.database.engine):
        other = asyncio.create_task(upgrade(far.database.engine))
        await asyncio.sleep(PATIENCE_S * 2)
        assert not other.done()
    await other


async def test_a_transaction_that_nobody_goes_on_with_ends_at_the_server(far: Far):
    async with far.database.reading() as session:
        assert await session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "1min"


async def test_a_sqlite_file_that_stays_locked_is_away_for_all_who_would_write(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("database.engine._BUSY_TIMEOUT_MS", 300)
    monkeypatch.setattr("database.engine._PRAGMAS", ("busy_timeout=300",))
    database = Database(sqlite_url)
    holder = sqlite3.connect(sqlite_url.partition("///")[2], isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    async with asyncio.timeout(10):
        writers = (note(database, str(number)) for number in range(50))
        outcomes = await asyncio.gather(*writers, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {DatabaseAway}
    assert await ask(database) == 1, "readers do not mind"
    holder.execute("COMMIT")
    holder.close()
    await note(database, "after")
    assert await noted(database) == ["after"]
    await database.aclose()


async def sleep(database: Database, seconds: float) -> None:
    async with database.reading() as session:
        await session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
