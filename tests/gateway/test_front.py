"""What a gateway answers before any MCP: help, refusals, and who comes in."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from main import Gatehouse, utc_now
from tests.gateway.wire import initialize, message
from tests.stand import PORTAL, Person, Stand, settings_for, stand

pytestmark = pytest.mark.anyio

CHALLENGE = (
    'Bearer resource_metadata="{base}/.well-known/oauth-protected-resource/mcp", scope="mcp:read"'  # DESIGN 3, exactly
)


@pytest.fixture
async def ann(gatehouse: Stand) -> Person:
    return await gatehouse.person()


@pytest.fixture
async def server(gatehouse: Stand, ann: Person) -> dict[str, Any]:
    return await gatehouse.server(ann, [await gatehouse.sample(ann, name="Very secret source")], name="Secret plans")


def base(server: dict[str, Any]) -> str:
    return str(server["url"]).removesuffix("/mcp")


async def ask(client: httpx2.AsyncClient, **headers: str) -> httpx2.Response:
    return await client.post("/mcp", json=initialize(), headers={**message(), **headers})


@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "", "a/b"])
async def test_discovery_that_is_not_there_is_a_problem_for_programs(
    gatehouse: Stand, server: dict[str, Any], accept: str
):
    client = gatehouse.client(base(server))
    for path in (
        "oauth-authorization-server",
        "oauth-authorization-server/mcp",
        "openid-configuration",
        "",
    ):
        reply = await client.get(f"/.well-known/{path}", headers={"Accept": accept})
        assert reply.status_code == 404, path
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["status"] == 404


async def test_people_see_a_page_that_tells_no_stranger_whose_it_is(gatehouse: Stand, server: dict[str, Any]):
    reply = await gatehouse.client(base(server)).get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert server["url"] in reply.text
    assert "Secret plans" not in reply.text
    assert "secret source" not in reply.text
    assert "default-src 'none'" in reply.headers["content-security-policy"]


async def test_the_page_gives_the_address_that_works(gatehouse: Stand, server: dict[str, Any], ann: Person):
    page = (await gatehouse.client(base(server)).get("/", headers={"Accept": "text/html"})).text
    assert f"<code>{server['url']}</code>" in page


async def test_programs_see_json_that_tells_no_stranger_whose_it_is(gatehouse: Stand, server: dict[str, Any]):
    reply = await gatehouse.client(base(server)).get("/", headers={"Accept": "*/*"})
    assert reply.json() == {
        "mcp": server["url"],
        "transport": "streamable-http",
        "authorization": "bearer",
        "portal": PORTAL,
    }


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD"])
async def test_mcp_takes_nothing_but_post(gatehouse: Stand, ann: Person, server: dict[str, Any], method: str):
    key = await gatehouse.key(ann, server)
    client = gatehouse.client(base(server), Authorization=f"Bearer {key}", Accept="text/event-stream")
    reply = await client.request(method, "/mcp")
    assert reply.status_code == 405
    assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
async def test_the_help_page_is_only_read(gatehouse: Stand, server: dict[str, Any], method: str):
    assert (await gatehouse.client(base(server)).request(method, "/")).status_code == 404


async def test_other_paths_are_nothing(gatehouse: Stand, server: dict[str, Any]):
    client = gatehouse.client(base(server))
    for path in ("/mcp/", "/MCP", "/sse", "/mcp/x", "//mcp", "/admin", "/api/v1/me", "/%6dcp/.."):
        reply = await client.post(path, json=initialize())
        assert reply.status_code == 404
        assert reply.json()["method"] == "POST"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("own", 200),
        (PORTAL, 200),
        ("http://localhost:3000", 200),
        ("http://localhost:5173", 200),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://localhost:8002", 403),
        ("http://LOCALHOST:8001", 403),
        ("", 403),
    ],
)
async def test_only_known_web_pages_may_call(
    gatehouse: Stand, ann: Person, server: dict[str, Any], origin: str, status: int
):
    client = gatehouse.client(base(server), Authorization=f"Bearer {await gatehouse.key(ann, server)}")
    reply = await ask(client, Origin=base(server) if origin == "own" else origin)
    assert reply.status_code == status


async def test_a_large_body_is_refused(gatehouse: Stand, ann: Person, server: dict[str, Any]):
    client = gatehouse.client(base(server), Authorization=f"Bearer {await gatehouse.key(ann, server)}", **message())
    for size, status in ((1024 * 1024 + 1, 413), (1024 * 1024, 400)):
        reply = await client.post("/mcp", content=b" " * size)
        assert reply.status_code == status


async def test_no_token_is_challenged_exactly(gatehouse: Stand, server: dict[str, Any]):
    reply = await ask(gatehouse.client(base(server)))
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == CHALLENGE.format(base=base(server))
    assert reply.headers["cache-control"] == "no-store"


async def test_a_token_that_is_not_ours_is_challenged(gatehouse: Stand, server: dict[str, Any]):
    client = gatehouse.client(base(server))
    for value in (
        "Bearer wrong",
        "Bearer gh_" + "A" * 43,
        "Bearer ",
        "Bearer",
        "Basic Z2hfeDo=",
        "gh_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer null",
        "Bearer " + "x" * 8_000,
    ):
        reply = await ask(client, Authorization=value)
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == CHALLENGE.format(base=base(server)) + ', error="invalid_token"'


async def test_a_key_comes_in_whatever_the_case_of_bearer(gatehouse: Stand, ann: Person, server: dict[str, Any]):
    key = await gatehouse.key(ann, server)
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert (await ask(gatehouse.client(base(server)), Authorization=f"{scheme} {key}")).status_code == 200


async def test_two_tokens_are_none(gatehouse: Stand, ann: Person, server: dict[str, Any]):
    key = f"Bearer {await gatehouse.key(ann, server)}"
    client = gatehouse.client(base(server))
    headers = [*message().items(), ("Authorization", key), ("Authorization", key)]
    assert (await client.post("/mcp", json=initialize(), headers=headers)).status_code == 401


async def test_a_portal_session_opens_no_gateway(gatehouse: Stand, ann: Person, server: dict[str, Any]):
    client = gatehouse.client(base(server), Cookie=f"session={ann.token}; __Host-session={ann.token}")
    assert (await ask(client)).status_code == 401
    assert (await ask(client, Authorization=f"Bearer {ann.token}")).status_code == 401


async def test_a_key_opens_no_portal(gatehouse: Stand, ann: Person, server: dict[str, Any]):
    key = await gatehouse.key(ann, server)
    assert (await gatehouse.client(PORTAL, Authorization=f"Bearer {key}").get("/api/v1/me")).status_code == 401


async def test_a_token_in_the_query_counts_for_nothing(gatehouse: Stand, ann: Person, server: dict[str, Any]):
    key = await gatehouse.key(ann, server)
    client = gatehouse.client(base(server))
    for name in ("access_token", "token", "key", "api_key", "authorization"):
        reply = await client.post("/mcp", json=initialize(), headers=message(), params={name: key})
        assert reply.status_code == 401


async def test_a_key_of_another_server_is_wrong(gatehouse: Stand, ann: Person, server: dict[str, Any]):
    other = await gatehouse.server(ann, name="Other")
    key = await gatehouse.key(ann, other)
    assert (await ask(gatehouse.client(base(server)), Authorization=f"Bearer {key}")).status_code == 401
    assert (await ask(gatehouse.client(base(other)), Authorization=f"Bearer {key}")).status_code == 200


async def test_a_key_dies_with_its_server_even_when_the_domain_lives_on(
    gatehouse: Stand, ann: Person, server: dict[str, Any]
):
    key = await gatehouse.key(ann, server)
    assert (await ask(gatehouse.client(base(server)), Authorization=f"Bearer {key}")).status_code == 200
    assert (await ann.http.delete(f"/api/v1/mcp-servers/{server['id']}")).status_code == 204
    heir = await gatehouse.server(ann, name="Heir")
    assert heir["domain"] == server["domain"]
    assert (await ask(gatehouse.client(base(heir)), Authorization=f"Bearer {key}")).status_code == 401


async def test_a_wrong_key_is_refused_at_a_public_server_too(gatehouse: Stand, ann: Person):
    public = await gatehouse.server(ann, access="public")
    assert (await ask(gatehouse.client(base(public)))).status_code == 200
    assert (await ask(gatehouse.client(base(public)), Authorization="Bearer gh_wrong")).status_code == 401


async def test_an_expired_key_is_wrong_from_that_moment(sqlite_url: str, tmp_path: Path):
    ahead = timedelta()
    async with stand(settings_for(sqlite_url, tmp_path), clock=lambda: utc_now() + ahead) as house:
        ann = await house.person()
        server = await house.server(ann)
        key = await house.key(ann, server, expires_at=(utc_now() + timedelta(minutes=5)).isoformat())
        client = house.client(base(server), Authorization=f"Bearer {key}")
        assert (await ask(client)).status_code == 200
        ahead = timedelta(minutes=5, seconds=1)
        assert (await ask(client)).status_code == 401


async def test_a_revoked_key_stops_at_once_here_and_within_two_seconds_elsewhere(gatehouse: Stand, ann: Person):
    server = await gatehouse.server(ann)
    key = await gatehouse.key(ann, server)
    listed = (await ann.http.get(f"/api/v1/mcp-servers/{server['id']}/keys")).json()["items"]
    twin = Gatehouse(gatehouse.gatehouse.settings)
    async with twin.running():
        here = gatehouse.client(base(server), Authorization=f"Bearer {key}")
        elsewhere = Stand(twin).client(base(server), Authorization=f"Bearer {key}")
        assert [(await ask(here)).status_code, (await ask(elsewhere)).status_code] == [200, 200]
        revoked = await ann.http.delete(f"/api/v1/mcp-servers/{server['id']}/keys/{listed[0]['id']}")
        assert revoked.status_code == 204
        assert (await ask(here)).status_code == 401
        async with asyncio.timeout(2):
            while (await ask(elsewhere)).status_code != 401:  # noqa: ASYNC110 - as another process would see it
                await asyncio.sleep(0.05)
        await elsewhere.aclose()


async def test_every_reply_carries_its_safety_headers(gatehouse: Stand, server: dict[str, Any]):
    client = gatehouse.client(base(server))
    for reply in (await client.get("/"), await client.get("/nothing"), await ask(client)):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["x-frame-options"] == "DENY"
        assert len(reply.headers["x-request-id"]) == 16
