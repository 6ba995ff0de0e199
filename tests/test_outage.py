"""Our own database goes away: nobody is let in without it, everybody is told to come back, and soon after it is back
everything works again."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from database.engine import Database
from database.migrations import upgrade
from tests.gateway.wire import LEGACY, MODERN, call, request
from tests.servers.postgres import StoppablePostgres, stoppable_postgres
from tests.servers.processes import ServerMissing
from tests.stand import Person, Stand, settings_for, stand

pytestmark = pytest.mark.anyio
BACK_WITHIN_S = 5.0


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
    signed_in = {"email": ann.email, "password": "correct horse battery staple"}
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


async def within(seconds: float, ask: Any) -> httpx2.Response:
    """The first reply that is no refusal."""
    until = time.monotonic() + seconds
    while True:
        reply: httpx2.Response = await ask()
        if reply.status_code < 500 or time.monotonic() > until:
            assert reply.status_code < 500, reply.text
            return reply
        await asyncio.sleep(0.1)
