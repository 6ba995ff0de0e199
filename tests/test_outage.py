"""Our own database goes away, with a word or without: nobody is let in without it, everybody is told to come back, and
soon after it is back everything works again."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import event
from sqlalchemy.pool import QueuePool

from auth.audit import Event, verify
from database.engine import Database
from database.migrations import upgrade
from database.models import AuditEvent
from errors import DatabaseAway
from repositories.audit import AuditEvents
from repositories.paging import Window
from tests.gateway.wire import LEGACY, MODERN, call, request
from tests.servers.postgres import PostgresServer, StoppablePostgres, stoppable_postgres
from tests.servers.processes import ServerMissing
from tests.servers.relay import Relay, relayed
from tests.stand import PASSWORD, Person, Stand, settings_for, stand

pytestmark = pytest.mark.anyio
BACK_WITHIN_S = 5.0
PATIENCE_S = 1.5


@dataclass
class Outage:
    """A Gatehouse whose PostgreSQL can be stopped and started."""

    stoppable: StoppablePostgres
    house: Stand = field(init=False)
    _running: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        self._running.enter_context(self.stoppable.up())

    def stop(self) -> None:
        self._running.close()


@pytest.fixture
def stoppable() -> Iterator[StoppablePostgres]:
    try:
        with stoppable_postgres() as found:
            yield found
    except ServerMissing as missing:
        pytest.skip(f"PostgreSQL cannot be stopped where there is none: {missing}")


@pytest.fixture
async def outage(stoppable: StoppablePostgres, tmp_path: Path) -> AsyncIterator[Outage]:
    outage = Outage(stoppable)
    outage.start()
    url = stoppable.server.url("postgres")
    database = Database(url)
    await upgrade(database.engine)
    await database.aclose()
    try:
        async with stand(settings_for(url, tmp_path)) as outage.house:
            yield outage
            outage.stop()
            outage.start()  # what still waits is written
    finally:
        outage.stop()


async def served(house: Stand) -> tuple[Person, dict[str, Any], str]:
    ann = await house.person()
    server = await house.server(ann, [await house.sample(ann)])
    return ann, server, await house.key(ann, server)


def is_refusal(reply: httpx2.Response) -> bool:
    """503, when to come back, and nothing about the inside."""
    told = reply.json()
    assert reply.status_code == 503, reply.text
    assert 1 <= int(reply.headers["retry-after"]) <= 5
    assert reply.headers["content-type"] == "application/problem+json"
    assert told["type"] == "urn:gatehouse:database_away"
    return "asyncpg" not in reply.text


async def test_everything_that_needs_the_database_says_503_and_comes_back(outage: Outage):
    house = outage.house
    ann, server, key = await served(house)
    gateway = house.client(str(server["url"]).removesuffix("/mcp"), Authorization=f"Bearer {key}")
    found = await call(gateway, MODERN, "tools/call", {"name": "search", "arguments": {"query": "order"}})
    assert not found["result"].get("isError")
    outage.stop()
    await asyncio.sleep(1.1)  # what was read a moment ago is believed for a second
    for path in ("/api/v1/me", "/api/v1/sources", "/api/v1/mcp-servers", "/api/v1/activity"):
        assert is_refusal(await ann.http.get(path))
    credentials = {"email": ann.email, "password": "wrong password, long enough"}
    assert is_refusal(await house.client().post("/api/v1/signin", json=credentials))
    for version in (LEGACY[-1], MODERN):
        headers, body = request(version, "tools/call", {"name": "search", "arguments": {"query": "order"}})
        assert is_refusal(await gateway.post("/mcp", json=body, headers=headers))
    assert (await house.client().get("/readyz")).status_code == 503
    assert (await house.client().get("/healthz")).status_code == 200
    outage.start()
    await within(BACK_WITHIN_S, lambda: ann.http.get("/api/v1/me"))
    await within(BACK_WITHIN_S, lambda: gateway.get("/"))
    again = await call(gateway, MODERN, "tools/call", {"name": "search", "arguments": {"query": "order"}})
    assert again["result"]["structuredContent"]["results"] == found["result"]["structuredContent"]["results"]
    await within(BACK_WITHIN_S, lambda: house.client().get("/readyz"))


async def test_people_are_told_on_a_page(outage: Outage):
    outage.stop()
    await asyncio.sleep(1.1)
    reply = await outage.house.client("http://localhost:8001").get("/", headers={"Accept": "text/html"})
    assert reply.status_code == 503
    assert reply.headers["content-type"].startswith("text/html")
    assert "Try again in a few seconds" in reply.text
    outage.start()


async def test_what_was_recorded_meanwhile_is_written_afterwards(outage: Outage):
    ann, _, _ = await served(outage.house)
    await outage.house.gatehouse.audit.flush()
    before = len((await ann.http.get("/api/v1/activity?limit=200")).json()["items"])
    outage.stop()
    outage.start()
    signed_in = {"email": ann.email, "password": PASSWORD}
    await within(BACK_WITHIN_S, lambda: outage.house.client().post("/api/v1/signin", json=signed_in))

    async def recorded() -> int:
        return len((await ann.http.get("/api/v1/activity?limit=200")).json()["items"])

    async with asyncio.timeout(BACK_WITHIN_S):
        while await recorded() <= before:  # noqa: ASYNC110 - the trail is a table
            await asyncio.sleep(0.05)


async def test_a_sqlite_file_whose_folder_is_gone_is_a_database_that_is_away(sqlite_url: str, tmp_path: Path):
    folder, away = tmp_path / "kept", tmp_path / "away"
    folder.mkdir()
    shutil.copyfile(tmp_path / "gatehouse.db", folder / "gatehouse.db")
    async with stand(settings_for(f"sqlite+aiosqlite:///{folder / 'gatehouse.db'}", tmp_path)) as house:
        ann = await house.person()
        await house.gatehouse.audit.flush()
        await house.gatehouse.database.engine.dispose()
        folder.rename(away)
        assert is_refusal(await ann.http.get("/api/v1/sources"))
        away.rename(folder)
        assert (await ann.http.get("/api/v1/sources")).status_code == 200


async def test_so_is_one_that_another_program_keeps_locked(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("database.engine._BUSY_TIMEOUT_MS", 300)
    monkeypatch.setattr("database.engine._PRAGMAS", ("busy_timeout=300",))
    async with stand(settings_for(sqlite_url, tmp_path)) as house:
        ann = await house.person()
        await house.gatehouse.audit.flush()
        with closing(sqlite3.connect(tmp_path / "gatehouse.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            renamed = [ann.http.patch("/api/v1/me", json={"name": f"Ann {number}"}) for number in range(10)]
            async with asyncio.timeout(10):
                replies = await asyncio.gather(*renamed)
            assert all(is_refusal(reply) for reply in replies)
            assert (await ann.http.get("/api/v1/me")).status_code == 200, "reading goes on"
            other.execute("ROLLBACK")
        assert (await ann.http.patch("/api/v1/me", json={"name": "Anna"})).status_code == 200


@dataclass(frozen=True, slots=True)
class Hang:
    """A Gatehouse whose PostgreSQL can stop answering, with every connection left open."""

    relay: Relay
    house: Stand

    @property
    def pool(self) -> QueuePool:
        return cast("QueuePool", self.house.gatehouse.database.engine.pool)


@pytest.fixture
async def hang(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Hang]:
    monkeypatch.setattr("database.engine._PATIENCE_S", PATIENCE_S)
    name = postgres.create_database(postgres_template)
    async with relayed(postgres.port) as relay:
        url = replace(postgres, port=relay.port).url(name)
        async with stand(settings_for(url, tmp_path)) as house:
            yield Hang(relay, house)
            relay.manner = "ok"
    postgres.drop_database(name)


async def test_a_database_that_hangs_is_told_of_like_one_that_is_gone(hang: Hang):
    house = hang.house
    ann, server, key = await served(house)
    gateway = house.client(str(server["url"]).removesuffix("/mcp"), Authorization=f"Bearer {key}")
    searches = [
        request(version, "tools/call", {"name": "search", "arguments": {"query": "order"}})
        for version in (LEGACY[-1], MODERN)
    ]
    browser = house.client(Accept="text/html")
    await browser.post("/api/v1/signin", json={"email": ann.email, "password": PASSWORD})
    assert (await browser.get("/servers")).status_code == 200
    hang.relay.manner = "held"
    await asyncio.sleep(1.1)  # what was read a moment ago is believed for a second
    async with asyncio.timeout(3 * PATIENCE_S + 5):
        page, ready, alive, *refused = await asyncio.gather(
            browser.get("/servers"),
            house.client().get("/readyz"),
            house.client().get("/healthz"),
            *(
                ann.http.get(path)
                for path in ("/api/v1/me", "/api/v1/sources", "/api/v1/mcp-servers")
                for _ in range(8)
            ),
            *(gateway.post("/mcp", json=body, headers=headers) for headers, body in searches for _ in range(8)),
        )
    assert all(is_refusal(reply) for reply in refused)
    assert (page.status_code, ready.status_code, alive.status_code) == (503, 503, 200)
    assert "Try again in a few seconds" in page.text
    assert page.headers["retry-after"]
    hang.relay.manner = "ok"
    await within(BACK_WITHIN_S, lambda: ann.http.get("/api/v1/me"))
    await within(BACK_WITHIN_S, lambda: gateway.post("/mcp", json=searches[1][1], headers=searches[1][0]))
    await within(BACK_WITHIN_S, lambda: house.client().get("/readyz"))
    async with asyncio.timeout(BACK_WITHIN_S):
        while hang.pool.checkedout():  # noqa: ASYNC110 - housekeeping takes and gives back
            await asyncio.sleep(0.01)


async def test_what_was_recorded_while_it_hung_is_written_once(hang: Hang):
    """Also what was being written: the server has its COMMIT and nobody knows it."""
    ann = await hang.house.person()
    trail, engine = hang.house.gatehouse.audit, hang.house.gatehouse.database.engine.sync_engine
    await trail.flush()
    person = uuid4()
    trail.record(Event(user_id=person, actor="user", action="before"))
    event.listen(engine, "commit", lambda _: hang.relay.hold(), once=True)
    async with asyncio.timeout(3 * PATIENCE_S + 5):
        with pytest.raises(DatabaseAway):
            await trail.flush()
    trail.record(Event(user_id=person, actor="user", action="meanwhile"))
    hang.relay.manner = "ok"
    await within(BACK_WITHIN_S, lambda: ann.http.get("/api/v1/activity"))
    found = await events_of(hang.house, person)
    assert [one.action for one in found] == ["meanwhile", "before"]
    async with hang.house.gatehouse.database.reading() as session:
        assert verify(await AuditEvents(session).chain(found[0].writer, found[0].day)) is None


async def events_of(house: Stand, user_id: UUID) -> list[AuditEvent]:
    """Newest first."""
    await house.gatehouse.audit.flush()
    async with house.gatehouse.database.reading() as session:
        return list((await AuditEvents(session).list_of(user_id, Window(limit=10))).items)


async def within(seconds: float, ask: Any) -> httpx2.Response:
    """The first reply that is no refusal."""
    until = time.monotonic() + seconds
    while True:
        reply: httpx2.Response = await ask()
        if reply.status_code < 500 or time.monotonic() > until:
            assert reply.status_code < 500, reply.text
            return reply
        await asyncio.sleep(0.1)
