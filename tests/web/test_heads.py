"""Heads of requests that are longer than anybody needs, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from web.heads import LARGEST_HEAD_BYTES, BoundedHeads

pytestmark = pytest.mark.anyio

PLAIN = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def count_body(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)} bytes")(scope, receive, send)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = uvicorn.Config(
        count_body, http=BoundedHeads, ws="none", lifespan="off", log_config=None, access_log=False, port=0
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


async def said(port: int, *parts: bytes, end: bool = True) -> bytes:
    """Everything the server says to these bytes until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if end:
            writer.write(b"GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(20):
            return await reader.read()
    except ConnectionError:
        return b"hung up"
    finally:
        writer.close()


def with_header(size: int) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * size + b"\r\n\r\n"


async def test_what_anybody_needs_is_read(port: int):
    reply = await said(port, PLAIN, with_header(30_000), PLAIN)
    assert reply.count(b"HTTP/1.1 200 OK") == 4


async def test_a_body_may_be_longer_than_a_head(port: int):
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"
    reply = await said(port, post, b"b" * 200_000, PLAIN)
    assert b"200000 bytes" in reply
    assert reply.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    "head",
    [
        with_header(LARGEST_HEAD_BYTES),
        b"GET /" + b"a" * LARGEST_HEAD_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /?" + b"a" * LARGEST_HEAD_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n"
        + b"".join(b"X-%d: aaaaaaaa\r\n" % number for number in range(4_000))
        + b"\r\n",
    ],
    ids=["one header", "the path", "the query", "many headers"],
)
async def test_a_head_that_is_too_long_is_refused(port: int, head: bytes):
    for before in ((), (PLAIN,)):
        reply = await said(port, *before, head, end=False)
        assert reply.count(b"HTTP/1.1 431") == 1
        assert b"urn:gatehouse:head_too_large" in reply
        assert b"x-content-type-options: nosniff" in reply.lower()
        assert b"connection: close" in reply.lower()


@pytest.mark.parametrize("beginning", [b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
async def test_a_head_without_end_is_cut_off(port: int, beginning: bytes):
    """Nobody waits for its end, and no more than a few reads of it are kept."""
    reply = await said(port, beginning, *([b"a" * 16_384] * 640), end=False)
    assert reply == b"hung up" or b"HTTP/1.1 431" in reply


async def test_others_are_served_meanwhile(port: int):
    refused = said(port, with_header(100_000), end=False)
    served = said(port, PLAIN)
    assert b"431" in (await asyncio.gather(refused, served))[0]
    assert b"HTTP/1.1 200 OK" in await said(port, PLAIN)
