"""Trouble on a real connection: each kind ends in the right error and in time, and the next call works."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from pydantic import SecretStr

from errors import EgressRefused, SourceError, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable
from services.egress import Egress, HostPolicy, Network
from services.snowflake.account import Account, Reply, Request
from services.snowflake.refusals import NotGranted
from tests.services.snowflake.stand_in import PAT, Pauses

pytestmark = pytest.mark.anyio

PATIENCE = timedelta(milliseconds=400)
SLACK_S = 0.25
ASK = Request(method="POST", path="/api/v2/thing", body={}, timeout=PATIENCE)
BODY = b'{"name": "ok"}'
FINE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n" + BODY

Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Named(Reply):
    name: str


def saying(answer: bytes) -> Talk:
    """Answers this and closes."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return talk


def status(code: int, *headers: str, kind: str = "application/json", body: bytes = b'{"code": "1"}') -> Talk:
    lines = [f"HTTP/1.1 {code} Said", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    return saying("\r\n".join([*lines, *headers, "", ""]).encode() + body)


async def hang(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def drip(writer: asyncio.StreamWriter) -> None:
    head, _, body = FINE.partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    await slowly(writer, body)


async def slow_headers(writer: asyncio.StreamWriter) -> None:
    await slowly(writer, FINE)


async def slowly(writer: asyncio.StreamWriter, text: bytes) -> None:
    for byte in text:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@dataclass
class Server:
    """Talks as told on every connection, after having read a request."""

    talk: Talk
    port: int = 0
    connections: int = 0
    talking: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.talking.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await self.talk(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.talking.discard(task)


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[Server]:
    server = Server(talk)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in server.talking:
            task.cancel()
        await asyncio.gather(*server.talking, return_exceptions=True)


@asynccontextmanager
async def account_at(url: str, network: Network | None = None) -> AsyncIterator[Account]:
    async with Egress(network=network).client(HostPolicy(origins=(url,))) as http:
        yield Account(http, url, SecretStr(PAT), sleep=Pauses())


async def failure(account: Account, request: Request = ASK) -> SourceError:
    """What comes of the request, which must be in time."""
    began = time.monotonic()
    with pytest.raises(SourceError) as raised:
        (await account.send(request)).read(Named)
    assert time.monotonic() - began < request.timeout.total_seconds() + SLACK_S
    return raised.value


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        pytest.param(status(401), SourceUnauthorized, id="401"),
        pytest.param(status(403), SourceUnauthorized, id="403"),
        pytest.param(status(404), NotGranted, id="404"),
        pytest.param(status(408), SourceTimeout, id="408"),
        pytest.param(status(422), SourceError, id="422"),
        pytest.param(status(429, "Retry-After: 3"), SourceRateLimited, id="429 with Retry-After"),
        pytest.param(status(500), SourceUnavailable, id="500"),
        pytest.param(status(200, kind="text/html"), SourceUnavailable, id="wrong content type"),
        pytest.param(status(200, body=b"<title>Hello</title>"), SourceUnavailable, id="not JSON"),
        pytest.param(status(302, "Location: http://169.254.169.254/"), SourceUnavailable, id="sent elsewhere"),
        pytest.param(hang, SourceTimeout, id="hung"),
        pytest.param(slow_headers, SourceTimeout, id="slow headers"),
        pytest.param(drip, SourceTimeout, id="drip"),
    ],
)
async def test_trouble_ends_in_the_right_error_and_in_time(talk, kind):
    async with serving(talk) as server, account_at(server.url) as account:
        assert type(await failure(account)) in {kind, *kind.__subclasses__()}
        assert server.connections == 1
        server.talk = saying(FINE)
        assert (await account.send(ASK)).read(Named).name == "ok"


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        pytest.param(status(429), SourceRateLimited, id="429 without Retry-After"),
        pytest.param(status(429, "Retry-After: 1"), SourceRateLimited, id="429 with a short Retry-After"),
        pytest.param(status(503), SourceUnavailable, id="503"),
        pytest.param(saying(FINE[:-5]), SourceUnavailable, id="cut body"),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
            SourceUnavailable,
            id="not gzip",
        ),
        pytest.param(saying(b"SSH-2.0-OpenSSH_9.2\r\n"), SourceUnavailable, id="not HTTP"),
        pytest.param(reset, SourceUnavailable, id="reset"),
        pytest.param(saying(b""), SourceUnavailable, id="closed without a word"),
    ],
)
async def test_trouble_that_may_pass_is_met_twice_and_no_more(talk, kind):
    patient = replace(ASK, timeout=timedelta(seconds=5))
    async with serving(talk) as server, account_at(server.url) as account:
        assert type(await failure(account, patient)) is kind
        assert server.connections == 2
        server.talk = saying(FINE)
        assert (await account.send(ASK)).read(Named).name == "ok"


async def test_a_refused_connection_is_told_and_the_next_call_works():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
    async with account_at(f"http://127.0.0.1:{port}") as account:
        assert type(await failure(account, replace(ASK, timeout=timedelta(seconds=3)))) is SourceUnavailable
        server = Server(saying(FINE), port)
        listening = await asyncio.start_server(server.serve, "127.0.0.1", port)
        assert (await account.send(ASK)).read(Named).name == "ok"
        listening.close()


async def test_a_name_that_is_not_found_is_told_and_the_next_call_works():
    known: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        if not known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known

    async with serving(saying(FINE)) as server:
        url = f"http://localhost:{server.port}"
        async with account_at(url, Network(resolve=resolve)) as account:
            refusal = await failure(account, replace(ASK, timeout=timedelta(seconds=3)))
            assert type(refusal) is SourceUnavailable
            assert "account URL" in refusal.message
            known.append("127.0.0.1")
            assert (await account.send(ASK)).read(Named).name == "ok"


async def test_a_private_address_behind_an_account_name_is_not_dialled():
    asked_for: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        asked_for.append((host, port))
        return ["127.0.0.1"]

    async with serving(hang) as server:
        policy = HostPolicy(suffixes=(".snowflakecomputing.com",))
        egress = Egress(network=Network(resolve=resolve))
        async with egress.client(policy) as http:
            account = Account(http, "https://rebound.snowflakecomputing.com", SecretStr(PAT))
            assert type(await failure(account)) is EgressRefused
        assert server.connections == 0
    assert asked_for == [("rebound.snowflakecomputing.com", 443)]
