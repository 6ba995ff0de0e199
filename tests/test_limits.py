"""The limits as callers meet them: at a gateway, at the API, on pages, and for requests of unbearable shape."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.stand import PASSWORD, Person, Stand, settings_for, stand

pytestmark = pytest.mark.anyio

FEW = {"rate_per_token": 20, "rate_per_user": 50, "rate_per_server": 60, "rate_per_address": 12}
MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.fixture
async def strict(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(settings_for(sqlite_url, tmp_path, **FEW)) as running:
        yield running


async def ping(gatehouse: Stand, server: dict[str, Any], token: str | None, *, times: int) -> list[httpx2.Response]:
    headers = MCP if token is None else {**MCP, "Authorization": f"Bearer {token}"}
    async with gatehouse.client(server["url"].removesuffix("/mcp"), **headers) as http:
        return [await http.post("/mcp", json=PING) for _ in range(times)]


def statuses(replies: list[httpx2.Response]) -> list[int]:
    return [reply.status_code for reply in replies]


def assert_told_to_wait(reply: httpx2.Response) -> None:
    assert reply.status_code == 429
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["type"] == "urn:gatehouse:too_many_requests"


async def owner_of_a_server(gatehouse: Stand) -> tuple[Person, dict[str, Any], str]:
    ann = await gatehouse.person("ann")
    server = await gatehouse.server(ann)
    return ann, server, await gatehouse.key(ann, server)


async def test_a_key_that_asks_too_often_waits_and_others_do_not(strict: Stand):
    ann, server, wild = await owner_of_a_server(strict)
    calm = await strict.key(ann, server)
    replies = await ping(strict, server, wild, times=22)
    assert statuses(replies) == [200] * 20 + [429] * 2
    assert_told_to_wait(replies[-1])
    assert statuses(await ping(strict, server, calm, times=3)) == [200] * 3


async def test_wrong_tokens_count_for_the_address_and_lock_no_right_one_out(strict: Stand):
    _, server, key = await owner_of_a_server(strict)
    replies = await ping(strict, server, "gh_wrong", times=14)
    assert replies[0].status_code == 401
    assert_told_to_wait(replies[-1])
    assert statuses(await ping(strict, server, key, times=3)) == [200] * 3, "from the same address"


async def test_anonymous_agents_count_for_their_address(strict: Stand):
    ann = await strict.person("ann")
    server = await strict.server(ann, access="public")
    replies = await ping(strict, server, None, times=14)
    assert replies[0].status_code == 200
    assert_told_to_wait(replies[-1])


async def test_a_session_that_asks_too_often_waits(strict: Stand):
    ann = await strict.person("ann")
    replies = [await ann.http.get("/api/v1/me") for _ in range(22)]
    assert statuses(replies) == [200] * 20 + [429] * 2
    assert_told_to_wait(replies[-1])
    page = await ann.http.get("/api/v1/me", headers={"Accept": "text/html"})
    assert (page.status_code, "<h1>" in page.text) == (429, True)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/checks", None),
        ("GET", "/signin", None),
        ("GET", "/nothing", None),
        ("POST", "/api/v1/signin", {"email": "a@example.com", "password": "x"}),
        ("POST", "/api/v1/reset-password", {"token": "x", "password": PASSWORD}),
        ("GET", "/api/v1/me", None),
    ],
)
async def test_strangers_count_for_their_address_wherever_they_knock(
    strict: Stand, method: str, path: str, body: dict[str, str] | None
):
    replies = [await strict.http.request(method, path, json=body) for _ in range(14)]
    assert 429 not in statuses(replies[:8])
    assert_told_to_wait(replies[-1])


@pytest.mark.parametrize("made_up", [{"Authorization": "Bearer x"}, {"Cookie": "session=x"}])
async def test_a_made_up_session_buys_nothing(strict: Stand, made_up: dict[str, str]):
    for path in ("/api/v1/me", "/api/v1/signin"):
        body = {"email": "a@example.com", "password": "x"} if path.endswith("signin") else None
        method = "POST" if body else "GET"
        replies = [await strict.http.request(method, path, json=body, headers=made_up) for _ in range(14)]
        assert_told_to_wait(replies[-1])


async def test_health_checks_are_never_too_many(strict: Stand):
    assert statuses([await strict.http.get("/healthz") for _ in range(50)]) == [200] * 50


async def test_switched_off_nobody_waits(sqlite_url: str, tmp_path: Path):
    async with stand(settings_for(sqlite_url, tmp_path, **{**FEW, "rate_limits": False})) as gatehouse:
        _, server, key = await owner_of_a_server(gatehouse)
        assert statuses(await ping(gatehouse, server, key, times=70)) == [200] * 70


@pytest.mark.parametrize("depth", [200, 900, 1_100, 3_000, 100_000])
async def test_deep_nesting_is_a_bad_request_and_nothing_worse(gatehouse: Stand, depth: int):
    ann, server, key = await owner_of_a_server(gatehouse)
    deep = "[" * depth + "]" * depth
    headers = {"Content-Type": "application/json"}
    body = f'{{"name":"x","type":"customer_db","config":{{"url":{deep}}}}}'
    reply = await ann.http.post("/api/v1/sources", content=body, headers=headers)
    assert reply.status_code in (400, 422)
    call = (
        f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"search","arguments":{{"query":{deep}}}}}}}'
    )
    async with gatehouse.client(server["url"].removesuffix("/mcp"), **MCP, Authorization=f"Bearer {key}") as http:
        reply = await http.post("/mcp", content=call, headers=headers)
        assert reply.status_code == 400
        assert (await http.post("/mcp", json=PING)).status_code == 200


async def test_bodies_have_a_size_that_everything_fits(gatehouse: Stand):
    ann, server, key = await owner_of_a_server(gatehouse)
    large = {"name": "x" * (1024 * 1024 + 1), "source_ids": []}
    assert (await ann.http.post("/api/v1/mcp-servers", json=large)).status_code == 413
    async with gatehouse.client(server["url"].removesuffix("/mcp"), **MCP, Authorization=f"Bearer {key}") as http:
        assert (await http.post("/mcp", json={**PING, "params": {"x": large["name"]}})).status_code == 413


async def test_long_words_are_refused_where_they_are_read(gatehouse: Stand):
    ann, server, key = await owner_of_a_server(gatehouse)
    for path in (f"/api/v1/sources/{'a' * 3_000}", f"/api/v1/activity?cursor={'a' * 3_000}"):
        assert (await ann.http.get(path)).status_code in (404, 422)
    async with gatehouse.agent(server, key) as agent:
        for tool, arguments in (("search", {"query": "a" * 1_001}), ("fetch", {"id": "x:" + "a" * 2_048})):
            result = await agent.call_tool(tool, arguments)
            assert result.is_error
            assert "aaaa" not in str(result.content), "what was typed is not repeated"
