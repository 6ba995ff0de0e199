"""A client that goes away takes its work with it, in both eras and on real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.client import Client
from sqlalchemy import select

from database.models import AuditEvent
from handlers.base import Bulkhead, Hit, SearchQuery
from tests.gateway.vendor import vendor
from tests.gateway.wire import ERAS, LEGACY, MODERN, request
from tests.scripted import Script, Stage, Theatre, hit
from tests.stand import Stand, ports, served, settings_for

pytestmark = pytest.mark.anyio
SOON_S = 2.0
_OPEN = Path("/proc/self/fd")
in_both_eras = pytest.mark.parametrize("version", [LEGACY[-1], MODERN])
in_one_piece_or_as_stream = pytest.mark.parametrize("deadline_ms", [10_000, 60_000])
"""What the SDK prepares for depends on how long it may take (gateway/replies.py)."""


@dataclass
class Waiting:
    """A search that never ends by itself, and what became of each."""

    started: int = 0
    cancelled: int = 0
    under_way: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        self.started += 1
        self.under_way.set()
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            self.cancelled += 1
            self.ended.set()
            raise
        return ()


@pytest.fixture
async def street(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Theatre]:
    """A Gatehouse with scripted sources on real sockets."""
    portal, gateway = ports(2)
    settings = settings_for(sqlite_url, tmp_path, port=portal, mcp_gateway_url_pools=f"http://localhost:{gateway}")
    stage = Stage()
    async with served(settings, stage.registry()) as gatehouse:
        house = Stand(gatehouse)
        house.__dict__["http"] = house.client(settings.portal_url)
        yield Theatre(house, stage)
        await house.aclose()


async def public_server(street: Theatre, scripts: dict[str, Script], deadline_ms: int = 60_000) -> dict[str, Any]:
    ann = await street.house.person()
    ann.http.base_url = street.house.gatehouse.settings.portal_url
    server, sources = await street.server(ann, scripts, access="public", deadline_ms=deadline_ms)
    for source in sources.values():
        use = f"/api/v1/mcp-servers/{server['id']}/sources/{source['id']}"
        (await ann.http.patch(use, json={"budget_ms": 60_000})).raise_for_status()
    return server


async def start_search(server: dict[str, Any], version: str, **meta: Any) -> asyncio.StreamWriter:
    """Sends a search over a connection of its own, whose end is in the caller's hands."""
    params: dict[str, Any] = {"name": "search", "arguments": {"query": "x"}}
    if meta:
        params["_meta"] = meta
    headers, body = request(version, "tools/call", params)
    host = str(server["domain"])
    _, writer = await asyncio.open_connection("127.0.0.1", int(host.rpartition(":")[2]))
    data = json.dumps(body).encode()
    lines = ["POST /mcp HTTP/1.1", f"Host: {host}", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + data)
    return writer


async def hang_up_during_search(server: dict[str, Any], version: str, waiting: Waiting, **meta: Any) -> None:
    """Starts a search, and closes the connection once the source is being asked."""
    waiting.under_way.clear()
    waiting.ended.clear()
    writer = await start_search(server, version, **meta)
    await asyncio.wait_for(waiting.under_way.wait(), SOON_S)
    writer.close()


@in_both_eras
@in_one_piece_or_as_stream
async def test_hanging_up_cancels_the_search(street: Theatre, version: str, deadline_ms: int):
    waiting = Waiting()
    server = await public_server(street, {"waits": Script(searching=waiting.search)}, deadline_ms)
    await hang_up_during_search(server, version, waiting)
    await asyncio.wait_for(waiting.ended.wait(), SOON_S)


@in_both_eras
async def test_hanging_up_cancels_what_is_left_after_the_first_progress(street: Theatre, version: str):
    waiting = Waiting()
    server = await public_server(street, {"quick": Script([hit("1")]), "waits": Script(searching=waiting.search)})
    await hang_up_during_search(server, version, waiting, progressToken="t")
    await asyncio.wait_for(waiting.ended.wait(), SOON_S)


@in_both_eras
async def test_hanging_up_cancels_a_call_that_still_waits_for_its_turn(street: Theatre, version: str):
    waiting = Waiting()
    script = Script(searching=waiting.search, bulkhead=Bulkhead(key="narrow", size=1))
    server = await public_server(street, {"narrow": script})
    first = asyncio.create_task(_search_for_ever(server))
    await asyncio.wait_for(waiting.under_way.wait(), SOON_S)
    headers, body = request(version, "tools/call", {"name": "search", "arguments": {"query": "x"}})
    client = street.house.client(str(server["url"]).removesuffix("/mcp"))
    with anyio.move_on_after(0.3):
        await client.post("/mcp", json=body, headers=headers)
    assert waiting.started == 1
    first.cancel()
    await asyncio.wait_for(waiting.ended.wait(), SOON_S)
    await asyncio.sleep(0.1)
    assert waiting.started == 1  # the second never got the place that the first gave back


async def _search_for_ever(server: dict[str, Any]) -> None:
    async with Client(server["url"]) as agent:
        await agent.call_tool("search", {"query": "x"})


async def test_the_sdks_client_cancels_by_hanging_up(street: Theatre):
    waiting = Waiting()
    server = await public_server(street, {"waits": Script(searching=waiting.search)})
    task = asyncio.create_task(_search_for_ever(server))
    await asyncio.wait_for(waiting.under_way.wait(), SOON_S)
    task.cancel()
    await asyncio.wait_for(waiting.ended.wait(), SOON_S)


@in_one_piece_or_as_stream
async def test_a_cancelled_call_stands_in_the_trail(street: Theatre, deadline_ms: int):
    waiting = Waiting()
    server = await public_server(street, {"waits": Script(searching=waiting.search)}, deadline_ms)
    for version in ERAS:
        await hang_up_during_search(server, version, waiting)
        await asyncio.wait_for(waiting.ended.wait(), SOON_S)

    async def outcomes() -> list[str]:
        await street.house.gatehouse.audit.flush()
        async with street.house.gatehouse.database.reading() as session:
            called = select(AuditEvent.outcome).where(AuditEvent.action == "tool.called")
            return list(await session.scalars(called))

    async with asyncio.timeout(SOON_S):
        while len(await outcomes()) < len(ERAS):  # noqa: ASYNC110 - the trail is a table
            await asyncio.sleep(0.05)
    assert await outcomes() == ["cancelled"] * len(ERAS)


async def _hang_up_often(street: Theatre, version: str, deadline_ms: int, times: int) -> None:
    waiting = Waiting()
    server = await public_server(street, {"waits": Script(searching=waiting.search)}, deadline_ms)
    await hang_up_during_search(server, version, waiting)
    await asyncio.wait_for(waiting.ended.wait(), SOON_S)
    await asyncio.sleep(0.5)
    before = _held()
    for _ in range(times):
        await hang_up_during_search(server, version, waiting)
        await asyncio.wait_for(waiting.ended.wait(), SOON_S)
    gatehouse = street.house.gatehouse
    await gatehouse.audit.flush()
    await _until(lambda: not _exceeds(_held(), before))
    await _until(lambda: all(live.users == 0 for live in gatehouse.connections._live.values()))
    await _until(lambda: gatehouse.federation._calls.under_way == 0)
    await _until(lambda: "Current Checked out connections: 0" in gatehouse.database.engine.pool.status())
    assert waiting.started == waiting.cancelled == times + 1
    assert not gatehouse.federation._searches._under_way
    assert not any(breaker.is_open for breaker in gatehouse.federation._calls._breakers.values())


def _held() -> tuple[int, int]:
    """Tasks and open files of this process. The database's are left out: its pool grows with what happens at once."""
    files = [_target(entry) for entry in _OPEN.iterdir()] if _OPEN.exists() else []
    return len(asyncio.all_tasks()), sum("gatehouse.db" not in file for file in files)


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


def _exceeds(now: tuple[int, int], before: tuple[int, int]) -> bool:
    return now[0] > before[0] or now[1] > before[1] + 2  # the audit trail may be writing


@in_both_eras
async def test_hanging_up_ends_the_request_that_a_vendor_is_being_asked(street: Theatre, version: str):
    async with vendor() as world:
        server = await public_server(street, {"hung": world.source("hung", "hung")})
        for number in range(1, 6):
            writer = await start_search(server, version)
            await _until(lambda asked=number: world.asked == asked)  # type: ignore[misc]  # a default holds the number
            writer.close()
            await _until(lambda: not world.connections)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - neither vendors nor the system tell anybody
            await asyncio.sleep(0.01)


@in_both_eras
@in_one_piece_or_as_stream
async def test_nothing_is_left_of_a_hundred_calls_that_were_hung_up(street: Theatre, version: str, deadline_ms: int):
    await _hang_up_often(street, version, deadline_ms, 100)


@pytest.mark.slow
@in_both_eras
@in_one_piece_or_as_stream
async def test_nothing_is_left_of_a_thousand_calls_that_were_hung_up(street: Theatre, version: str, deadline_ms: int):
    await _hang_up_often(street, version, deadline_ms, 1_000)
