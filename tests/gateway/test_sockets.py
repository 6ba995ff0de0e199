"""The HTTP edge in raw bytes on real sockets: what a client library would never send."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from main import Gatehouse
from tests.gateway.wire import initialize
from tests.stand import Stand, ports, served, settings_for

pytestmark = pytest.mark.anyio


@dataclass
class Served:
    """A Gatehouse on two ports of this machine, its gateway holding a public server."""

    gatehouse: Gatehouse
    portal: int
    gateway: int

    async def say(self, data: bytes, *, port: int | None = None, timeout_s: float = 3) -> bytes:
        """Everything the edge answers until it closes the connection or falls silent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.gateway)
        answer = b""
        try:
            writer.write(data)
            await writer.drain()
            while chunk := await asyncio.wait_for(reader.read(65_536), timeout_s if not answer else 0.3):
                answer += chunk
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()
        return answer

    async def statuses(self, data: bytes, *, port: int | None = None, timeout_s: float = 3) -> list[int]:
        """The status of each reply to these bytes."""
        answer = await self.say(data, port=port, timeout_s=timeout_s)
        return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3}) ", answer, re.MULTILINE)]


@asynccontextmanager
async def on_sockets(url: str, folder: Path, **changes: Any) -> AsyncIterator[Served]:
    portal, gateway = ports(2)
    settings = settings_for(url, folder, port=portal, mcp_gateway_url_pools=f"http://localhost:{gateway}", **changes)
    async with served(settings) as gatehouse:
        house = Stand(gatehouse)
        client = house.client(settings.portal_url)
        house.__dict__["http"] = client
        ann = await house.person()
        ann.http.base_url = settings.portal_url
        await house.server(ann, [await house.sample(ann)], access="public")
        yield Served(gatehouse, portal, gateway)
        await house.aclose()


@pytest.fixture
async def edge(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with on_sockets(sqlite_url, tmp_path) as running:
        yield running


def get(*headers: str, target: str = "/", version: str = "1.1") -> bytes:
    return "\r\n".join([f"GET {target} HTTP/{version}", *headers, "Connection: close", "", ""]).encode("latin-1")


async def test_the_gateway_answers_under_each_spelling_of_its_host(edge: Served):
    name = f"localhost:{edge.gateway}"
    for host in (name, name.upper(), f"localhost.:{edge.gateway}", f"  {name}\t "):
        answer = await edge.say(get(f"Host: {host}", "Accept: application/json"))
        assert answer.startswith(b"HTTP/1.1 200"), host
        assert b"streamable-http" in answer


async def test_the_hosts_port_counts_not_the_sockets(edge: Served):
    answer = await edge.say(get(f"Host: localhost:{edge.gateway}", "Accept: application/json"), port=edge.portal)
    assert b"streamable-http" in answer
    answer = await edge.say(get(f"Host: localhost:{edge.portal}", target="/api/v1/checks"), port=edge.gateway)
    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_request_without_exactly_one_good_host_is_refused(edge: Served):
    name = f"localhost:{edge.gateway}"
    for headers in (
        [],
        [f"Host: {name}", f"Host: {name}"],
        [f"Host: {name}", "Host: evil.example"],
        ["Host:"],
        [f"Host: a@{name}"],
        [f"Host: {name}/evil"],
        [f"Host: {name},{name}"],
        [f"Host: {name}, evil.example"],
        [f"Host: {name} evil"],
        ["Host: localhost:"],
    ):
        assert await edge.statuses(get(*headers)) == [400], headers


async def test_http_1_0_needs_a_host_as_well(edge: Served):
    assert b" 400 " in (await edge.say(get(version="1.0"))).split(b"\r\n")[0]
    answer = await edge.say(get(f"Host: localhost:{edge.gateway}", version="1.0"))
    assert b" 200 " in answer.split(b"\r\n")[0]


async def test_an_unknown_host_is_misdirected_on_sockets(edge: Served):
    for host in ("evil.example", f"evil.example:{edge.gateway}", "10.0.0.1", f"localhost.evil.example:{edge.gateway}"):
        assert await edge.statuses(get(f"Host: {host}")) == [421]


async def test_the_target_of_an_absolute_form_chooses_no_host(edge: Served):
    target = f"http://localhost:{edge.portal}/api/v1/checks"
    assert await edge.statuses(get(f"Host: localhost:{edge.gateway}", target=target)) == [404]
    assert await edge.statuses(get("Host: evil.example", target=f"http://localhost:{edge.gateway}/")) == [421]
    assert await edge.statuses(get(target=f"http://localhost:{edge.gateway}/")) == [400]


async def test_forwarded_headers_of_a_stranger_mean_nothing(edge: Served):
    gateway = f"localhost:{edge.gateway}"
    forged = [f"X-Forwarded-Host: {gateway}", f"Forwarded: host={gateway}", f"X-Host: {gateway}"]
    assert await edge.statuses(get("Host: evil.example", *forged)) == [421]
    answer = await edge.say(get(f"Host: {gateway}", "X-Forwarded-Host: evil.example", "Accept: application/json"))
    assert b"streamable-http" in answer


async def test_one_forwarded_host_of_a_trusted_proxy_is_believed(sqlite_url: str, tmp_path: Path):
    async with on_sockets(sqlite_url, tmp_path, trusted_proxies="127.0.0.1") as edge:
        gateway = f"localhost:{edge.gateway}"
        answer = await edge.say(get("Host: backend", f"X-Forwarded-Host: {gateway}", "Accept: application/json"))
        assert b"streamable-http" in answer
        assert await edge.statuses(get(f"Host: {gateway}", "X-Forwarded-Host: evil.example")) == [421]
        assert await edge.statuses(get(f"Host: {gateway}", "X-Forwarded-Host: a@b")) == [400]
        for several in (
            [f"X-Forwarded-Host: {gateway}, evil.example"],
            [f"X-Forwarded-Host: {gateway}", f"X-Forwarded-Host: {gateway}"],
        ):
            assert await edge.statuses(get("Host: backend", *several)) == [421]


async def test_a_smuggled_second_request_is_not_answered(edge: Served):
    smuggled = get(f"Host: localhost:{edge.portal}", target="/api/v1/checks").decode()
    host = f"Host: localhost:{edge.gateway}"
    for framing in (
        ["Content-Length: 6", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 6"],
        ["Content-Length: 0", "Content-Length: 6"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding : chunked"],
        ["Content-Length: +6"],
        ["Content-Length: 6, 6"],
    ):
        data = "\r\n".join(["POST /mcp HTTP/1.1", host, *framing, "", "0", "", ""]) + smuggled
        statuses = await edge.statuses(data.encode("latin-1"))
        assert 200 not in statuses, framing
        assert len(statuses) <= 1, framing


async def test_controls_in_headers_reach_nothing(edge: Served):
    host = f"localhost:{edge.gateway}"
    for header in (b"User-Agent: a\0b", b"User-Agent: a\rb", b"X: \x7f\0", b"User Agent: x", b": x", b"X\0: y"):
        data = b"GET / HTTP/1.1\r\nHost: " + host.encode() + b"\r\n" + header + b"\r\nConnection: close\r\n\r\n"
        assert await edge.statuses(data) in ([400], [])


async def test_blanks_around_a_headers_value_are_no_part_of_it(edge: Served):
    body = json.dumps(initialize()).encode()
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: localhost:{edge.gateway}\r\nAccept: application/json, text/event-stream \r\n"
        f"Content-Type: application/json \t\r\nOrigin:   http://localhost:{edge.gateway} \r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    assert await edge.statuses(head.encode() + body) == [200]


async def test_a_fuzzed_edge_breaks_nowhere(edge: Served):
    """Requests with bytes changed, dropped, doubled and cut, in many connections at a time."""
    chance = random.Random(20261121)  # noqa: S311 - the same bytes in every run
    seeds = [
        get(f"Host: localhost:{edge.gateway}", "Accept: text/html", "Origin: x", target="/?q=%00"),
        get(f"Host: localhost:{edge.portal}", "Cookie: session=x", target="/api/v1/me"),
        _posted(edge.gateway, json.dumps(initialize()).encode()),
        _posted(edge.gateway, b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}'),
        _posted(edge.gateway, b'5\r\n{"a":\r\n0\r\n\r\n', "Transfer-Encoding: chunked"),
    ]
    gate = asyncio.Semaphore(32)
    seen: list[int] = []

    async def attack(data: bytes) -> None:
        async with gate:
            statuses = await edge.statuses(data, timeout_s=0.3)  # an unfinished request waits for its rest
            assert all(status < 500 for status in statuses), data
            seen.extend(statuses)

    async with asyncio.timeout(60):
        await asyncio.gather(*(attack(_mutated(chance, chance.choice(seeds))) for _ in range(800)))
    assert len(seen) > 400
    assert {200, 400, 421} <= set(seen)
    assert await edge.statuses(get(f"Host: localhost:{edge.gateway}")) == [200]


def _posted(port: int, body: bytes, framing: str | None = None) -> bytes:
    head = [
        "POST /mcp HTTP/1.1",
        f"Host: localhost:{port}",
        "Accept: application/json, text/event-stream",
        "Content-Type: application/json",
        framing or f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


def _mutated(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(max(1, len(changed)))
        match chance.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[at : at + chance.randint(1, 20)]
            case 2:
                changed[at:at] = changed[at : at + chance.randint(1, 40)]
            case 3:
                changed[at:at] = chance.choice([b"\r\n", b"\0", b"\xff\xfe", b"%00", b"..", b"A" * 5_000, b"{" * 500])
            case _:
                changed = changed[: max(1, at)]
    return bytes(changed) or b"\0"
