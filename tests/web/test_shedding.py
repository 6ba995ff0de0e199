"""Turning requests away at once when there are too many, and nobody more than half of the places."""

from __future__ import annotations

import asyncio
import time

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from web.edge import Edge
from web.shedding import PLACE, FairShare, LoadGate, Shedding

pytestmark = pytest.mark.anyio


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.inside += 1
        try:
            await self.release.wait()
        finally:
            self.inside -= 1
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def client(app: ASGIApp, gate: LoadGate, *, strict: bool = False) -> httpx2.AsyncClient:
    shedding = Shedding(app, gate, always=("/healthz",), strict_transport=strict)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(shedding), base_url="http://g1.example.com")


def by_path(app: ASGIApp, gate: LoadGate) -> ASGIApp:
    """Each path is a tenant."""
    return FairShare(app, gate, tenant="path")


def waits_for(slow: Slow) -> ASGIApp:
    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        with scope[PLACE].waiting():
            await slow(scope, receive, send)

    return wait


async def started(slow: Slow, count: int) -> None:
    while slow.inside < count:  # noqa: ASYNC110 - the application counts, and tells nobody
        await asyncio.sleep(0)


async def test_who_finds_no_place_is_told_at_once_when_to_come_again():
    slow, gate = Slow(), LoadGate(3)
    async with client(slow, gate, strict=True) as http:
        waiting = [asyncio.create_task(http.post("/mcp")) for _ in range(3)]
        await started(slow, 3)
        reply = await http.post("/mcp")
        page = await http.get("/", headers={"Accept": "text/html"})
        slow.release.set()
        served = await asyncio.gather(*waiting)
        again = await http.post("/mcp")
    assert [one.status_code for one in (*served, again)] == [204] * 4
    assert (reply.status_code, page.status_code) == (503, 503)
    for one in (reply, page):
        assert one.headers["retry-after"] == "1"
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["cache-control"] == "no-store"
        assert "strict-transport-security" in one.headers
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["type"] == "urn:gatehouse:overloaded"
    assert "style-src" in page.headers["content-security-policy"]
    assert "<h1>" in page.text
    assert gate.in_flight == 0


async def test_health_checks_are_answered_however_busy_it_is():
    slow, gate = Slow(), LoadGate(1)
    async with client(slow, gate) as http:
        waiting = [asyncio.create_task(http.get("/")), asyncio.create_task(http.get("/healthz"))]
        await started(slow, 2)
        slow.release.set()
        assert [reply.status_code for reply in await asyncio.gather(*waiting)] == [204, 204]


async def test_a_place_is_given_back_whatever_happens():
    gate = LoadGate(1)

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("a bug")

    async with client(broken, gate) as http:
        for _ in range(3):
            with pytest.raises(KeyError):
                await http.get("/")
    slow = Slow()
    async with client(slow, gate) as http:
        gone = asyncio.create_task(http.get("/"))
        await started(slow, 1)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
    assert gate.in_flight == 0


async def test_one_tenant_leaves_half_of_the_places_to_the_others():
    slow, gate = Slow(), LoadGate(64)
    async with client(by_path(slow, gate), gate) as http:
        flood = [asyncio.create_task(http.get("/flood")) for _ in range(40)]
        calm = [asyncio.create_task(http.get("/calm")) for _ in range(5)]
        await started(slow, 37)
        slow.release.set()
        flooded, calmed = await asyncio.gather(asyncio.gather(*flood), asyncio.gather(*calm))
    assert sorted(reply.status_code for reply in flooded) == [204] * 32 + [503] * 8
    assert [reply.status_code for reply in calmed] == [204] * 5
    assert gate._held == gate._at_work == {}


async def test_requests_that_wait_for_sources_turn_nobody_away():
    slow, gate = Slow(), LoadGate(512)
    async with client(by_path(waits_for(slow), gate), gate) as http:
        hung = [asyncio.create_task(http.get(f"/{number % 4}")) for number in range(200)]
        await started(slow, 200)
        assert (gate.in_flight, gate.at_work) == (200, 0)
        for _ in range(20):
            time.sleep(0.03)  # noqa: ASYNC251 - late, so that as few as can be may be at work
            await asyncio.sleep(0.001)
        assert gate.limit == 64
        calm = [asyncio.create_task(http.get("/calm")) for _ in range(20)]
        await started(slow, 220)
        slow.release.set()
        replies = await asyncio.gather(*hung, *calm)
    assert {reply.status_code for reply in replies} == {204}
    assert (gate.in_flight, gate.at_work, gate._held, gate._at_work) == (0, 0, {}, {})


async def test_of_all_places_a_tenant_holds_as_many_as_it_leaves_free():
    slow, gate = Slow(), LoadGate(90)
    async with client(by_path(waits_for(slow), gate), gate) as http:
        held = []
        for tenant in ("/first", "/second", "/third"):
            before = slow.inside
            asked = [asyncio.create_task(http.get(tenant)) for _ in range(60)]
            for _ in range(200):
                await asyncio.sleep(0)
            held.append((asked, slow.inside - before))
        slow.release.set()
        replies = [await asyncio.gather(*asked) for asked, _ in held]
    assert [count for _, count in held] == [45, 23, 11]
    assert [sum(reply.status_code == 204 for reply in asked) for asked in replies] == [45, 23, 11]


async def test_fewer_are_let_in_while_the_event_loop_is_late_and_more_when_it_is_not():
    slow, gate = Slow(), LoadGate(500)
    async with client(slow, gate) as http:
        first = asyncio.create_task(http.get("/"))
        await started(slow, 1)
        gate.limit = 400
        for _ in range(3):
            time.sleep(0.05)  # noqa: ASYNC251 - this is the lateness
            await asyncio.sleep(0.001)
        assert gate.limit < 200
        shrunk = gate.limit
        many = [asyncio.create_task(http.get("/")) for _ in range(int(shrunk) - 1)]
        await started(slow, int(shrunk))
        deadline = time.monotonic() + 10
        while gate.limit < shrunk * 1.5 and time.monotonic() < deadline:  # noqa: ASYNC110 - as the timer ticks
            await asyncio.sleep(0.01)
        assert gate.limit >= shrunk * 1.5, "waiting costs the processor nothing"
        slow.release.set()
        await asyncio.gather(first, *many)


async def test_it_never_lets_in_fewer_than_sixty_four():
    slow, gate = Slow(), LoadGate(500)
    async with client(slow, gate) as http:
        waiting = [asyncio.create_task(http.get("/")) for _ in range(8)]
        await started(slow, 8)
        for _ in range(20):
            time.sleep(0.03)  # noqa: ASYNC251 - this is the lateness
            await asyncio.sleep(0.001)
        assert gate.limit == 64
        slow.release.set()
        await asyncio.gather(*waiting)


async def test_a_tenants_flood_has_no_line_for_each_either():
    slow, gate = Slow(), LoadGate(200)
    edge = Edge(by_path(slow, gate), trusted_proxies=(), strict_transport=False)
    async with client(edge, gate) as http:
        inside = [asyncio.create_task(http.get("/a")) for _ in range(32)]
        await started(slow, 32)
        with capture_logs() as logs:
            refused = await asyncio.gather(*(http.get("/a") for _ in range(20)))
        assert {reply.status_code for reply in refused} == {503}
        assert {line["event"] for line in logs} <= {"requests.shed"}
        with capture_logs() as logs:
            slow.release.set()
            await asyncio.gather(*inside)
        assert [line["event"] for line in logs if line["event"] != "requests.shed"] == ["request"] * 32


async def test_a_flood_is_one_line_in_the_log():
    slow, gate = Slow(), LoadGate(8)
    with capture_logs() as logs:
        async with client(slow, gate) as http:
            waiting = [asyncio.create_task(http.get("/")) for _ in range(8)]
            await started(slow, 8)
            refused = [await http.get("/") for _ in range(50)]
            await asyncio.sleep(0.05)
            slow.release.set()
            await asyncio.gather(*waiting)
    assert {reply.status_code for reply in refused} == {503}
    assert [line["event"] for line in logs] == ["requests.shed"]
    assert logs[0]["count"] == 50


async def test_nothing_ticks_while_nothing_is_in_flight():
    gate = LoadGate(8)
    slow = Slow()
    slow.release.set()
    async with client(slow, gate) as http:
        await http.get("/")
    await asyncio.sleep(0.05)
    assert gate._timer is None
