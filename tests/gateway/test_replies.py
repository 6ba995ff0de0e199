"""A short search is answered in one piece; whatever has something to tell on the way, or may take long, as a stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.agents import ANONYMOUS
from gateway.door import VISIT, Visit
from gateway.replies import Replies
from tests.federation.servers import public_server
from tests.gateway.wire import LEGACY, MODERN, call, request
from tests.scripted import Script, Theatre, hit

pytestmark = pytest.mark.anyio
SEARCH = {"name": "search", "arguments": {"query": "x"}}


class Heard:
    """Applications that note which of them was asked, and with what body."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []

    def __call__(self, name: str) -> ASGIApp:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            self.asked.append((name, (await receive())["body"]))

        return application


def asked(headers: Mapping[str, str], deadline_s: float = 10) -> Scope:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    visit = Visit(server=public_server(deadline_s=deadline_s), agent=ANONYMOUS, address="", client="")
    return {"type": "http", "method": "POST", "path": "/mcp", "headers": raw, VISIT: visit}


async def chosen(
    params: dict[str, Any],
    *,
    version: str = MODERN,
    method: str = "tools/call",
    deadline_s: float = 10,
    **headers: str,
) -> str:
    """Which of the two got the request, in full."""
    heard = Heard()
    own_headers, body = request(version, method, params)
    data = json.dumps(body).encode()
    messages: list[Message] = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        return await asyncio.Future()

    async def send(message: Message) -> None:
        raise AssertionError("nobody answers here")

    replies = Replies(in_one_piece=heard("piece"), streaming=heard("stream"), largest_body_bytes=1_000_000)
    await replies(asked({**own_headers, **headers}, deadline_s), receive, send)
    [(name, received)] = heard.asked
    assert received == data
    return name


async def test_a_search_that_wants_no_progress_is_answered_in_one_piece():
    assert await chosen(SEARCH) == "piece"


async def test_whoever_wants_progress_gets_a_stream():
    assert await chosen({**SEARCH, "_meta": {"progressToken": "t"}}) == "stream"


async def test_a_search_that_may_be_silent_for_long_can_show_that_it_lives():
    assert await chosen(SEARCH, deadline_s=15) == "stream"


@pytest.mark.parametrize("version", LEGACY)
async def test_the_handshake_revisions_are_left_to_the_sdk(version: str):
    assert await chosen(SEARCH, version=version) == "stream"


async def test_calls_that_are_no_search_are_left_to_the_sdk():
    assert await chosen({"name": "fetch", "arguments": {"id": "x"}}) == "stream"
    assert await chosen({}, method="tools/list") == "stream"
    assert await chosen({"uri": "x"}, method="resources/read") == "stream"


async def test_who_takes_no_stream_is_refused_as_ever():
    assert await chosen(SEARCH, Accept="application/json") == "stream"


async def test_a_cancellation_from_elsewhere_is_none_of_the_clients():
    begun = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await asyncio.Future()

    headers, body = request(MODERN, "tools/call", SEARCH)
    messages: list[Message] = [{"type": "http.request", "body": json.dumps(body).encode()}]

    async def receive() -> Message:
        return messages.pop() if messages else await asyncio.Future()

    async def send(message: Message) -> None: ...

    replies = Replies(in_one_piece=endless, streaming=endless, largest_body_bytes=1_000)
    task = asyncio.create_task(replies(asked(headers), receive, send))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one for one in asyncio.all_tasks() if one.get_name().startswith("watch")] == []


async def test_both_ways_give_the_same_answer_and_refuse_the_same(scene: Theatre):
    ann = await scene.house.person()
    short, _ = await scene.server(ann, {"one": Script([hit("1"), hit("2")])}, access="public")
    long, _ = await scene.server(ann, {"one": Script([hit("1"), hit("2")])}, access="public", deadline_ms=20_000)
    told = []
    for server in (short, long):
        client = scene.house.client(server["url"].removesuffix("/mcp"))
        found = await call(client, MODERN, "tools/call", SEARCH)
        results = found["result"]["structuredContent"]["results"]
        told.append([found["result"]["resultType"], [result["title"] for result in results], await refusals(client)])
    assert told[0] == told[1]


async def refusals(client: httpx2.AsyncClient) -> list[Any]:
    """What each kind of wrong request is told."""
    headers, body = request(MODERN, "tools/call", SEARCH)
    wrong: list[tuple[dict[str, str], bytes]] = [
        (headers, json.dumps({**body, "params": {**body["params"], "name": "fetch"}}).encode()),
        (headers, json.dumps({**body, "params": {**body["params"], "arguments": {"words": 1}}}).encode()),
        (headers, json.dumps({**body, "params": {**body["params"], "arguments": []}}).encode()),
        (headers, b"{"),
        (headers, b"[]"),
        (headers, b""),
        (headers, b" " * 2_000_000),
        ({**headers, "Accept": "application/json"}, json.dumps(body).encode()),
        ({**headers, "Accept": "text/event-stream"}, json.dumps(body).encode()),
    ]
    replies = [await client.post("/mcp", headers=head, content=content) for head, content in wrong]
    return [(reply.status_code, reply.headers.get("content-type"), reply.text) for reply in replies]
