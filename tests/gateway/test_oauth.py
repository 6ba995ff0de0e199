"""A gateway as a protected resource of its own."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.clock import HandClock
from tests.portal.membership import granted, joined
from tests.portal.oauth.flow import call, connected, post, registered
from tests.stand import PORTAL, Person, Stand, settings_for, stand

pytestmark = pytest.mark.anyio

METADATA = "/.well-known/oauth-protected-resource"


def base_of(server: dict[str, Any]) -> str:
    return str(server["url"]).removesuffix("/mcp")


@pytest.mark.parametrize("path", [METADATA, f"{METADATA}/mcp"])
async def test_both_forms_of_the_metadata_name_the_address_that_people_paste(gatehouse: Stand, path: str):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann, name="Nobody's business")
    reply = await gatehouse.client(base_of(server)).get(path, headers={"Origin": "https://agent.example.com"})
    assert reply.status_code == 200
    assert reply.json() == {
        "resource": server["url"],
        "authorization_servers": [PORTAL],
        "scopes_supported": ["mcp:read"],
        "bearer_methods_supported": ["header"],
    }
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in reply.headers
    assert reply.headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize(
    "path",
    [
        "oauth-authorization-server",
        "oauth-authorization-server/mcp",
        "openid-configuration",
        "oauth-protected-resource/mcp/",
        "oauth-protected-resource/other",
        "x",
    ],
)
async def test_everything_else_well_known_is_a_404_that_programs_can_read(gatehouse: Stand, path: str):
    server = await gatehouse.server(await gatehouse.person())
    reply = await gatehouse.client(base_of(server)).get(f"/.well-known/{path}", headers={"Accept": "text/html"})
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"


async def test_a_gateway_that_nobody_holds_has_no_metadata(gatehouse: Stand):
    reply = await gatehouse.client("http://localhost:8001").get(METADATA, headers={"Accept": "text/html"})
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"


async def test_a_web_page_may_ask_for_the_metadata_first(gatehouse: Stand):
    server = await gatehouse.server(await gatehouse.person())
    asked = {
        "Origin": "https://agent.example.com",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "mcp-protocol-version",
    }
    reply = await gatehouse.client(base_of(server)).options(METADATA, headers=asked)
    assert reply.status_code == 200
    assert (await gatehouse.client(base_of(server)).post(METADATA)).status_code == 405


async def test_who_brings_nothing_is_told_where_to_go(gatehouse: Stand):
    server = await gatehouse.server(await gatehouse.person())
    reply = await call(gatehouse, server, None)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == (
        f'Bearer resource_metadata="{base_of(server)}{METADATA}/mcp", scope="mcp:read"'
    )


async def test_whatever_else_is_brought_as_a_token_is_called_invalid(gatehouse: Stand):
    ann = await gatehouse.person()
    server, other = await gatehouse.server(ann), await gatehouse.server(ann)
    elsewhere = await connected(gatehouse, ann, other)
    wrong = {
        "a portal session": ann.token,
        "a token of another gateway": elsewhere.access,
        "a key of another gateway": await gatehouse.key(ann, other),
        "a refresh token": elsewhere.refresh,
        "a made-up token": "gat_" + "x" * 43,
        "nothing at all": "",
    }
    for what, token in wrong.items():
        reply = await call(gatehouse, server, token)
        assert reply.status_code == 401, what
        assert reply.headers["www-authenticate"] == (
            f'Bearer resource_metadata="{base_of(server)}{METADATA}/mcp", scope="mcp:read", error="invalid_token"'
        ), what
        assert not token or token not in reply.text
    assert (await call(gatehouse, other, elsewhere.access)).status_code == 200


async def test_a_token_counts_in_the_header_alone(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    held = await connected(gatehouse, ann, server)
    http = gatehouse.client()
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for reply in (
        await http.post(f"{server['url']}?access_token={held.access}", json=message),
        await http.post(server["url"], json=message, headers={"Cookie": f"session={held.access}"}),
        await http.post(server["url"], data={"access_token": held.access}),
        await http.post(
            server["url"],
            json=message,
            headers=[("Authorization", f"Bearer {held.access}"), ("Authorization", f"Bearer {held.access}")],
        ),
        await http.post(
            server["url"],
            json=message,
            headers={"Authorization": f"Basic {base64.b64encode(held.access.encode()).decode()}"},
        ),
    ):
        assert reply.status_code == 401


async def test_an_agents_token_opens_nothing_at_the_portal(gatehouse: Stand):
    ann = await gatehouse.person()
    held = await connected(gatehouse, ann, await gatehouse.server(ann))
    for token in (held.access, held.refresh):
        for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"session={token}"}):
            assert (await gatehouse.http.get("/api/v1/me", headers=headers)).status_code == 401


async def test_a_public_server_takes_no_token_and_still_refuses_a_wrong_one(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann, access="public")
    assert (await call(gatehouse, server, None)).status_code == 200
    assert (await call(gatehouse, server, "gat_" + "x" * 43)).status_code == 401


@pytest.fixture
async def writable(gatehouse: Stand) -> tuple[Person, dict[str, Any], str]:
    """Ann, her server over a sample that may be written, and the name of a tool that writes."""
    ann = await gatehouse.person()
    server = await gatehouse.server(ann, [await gatehouse.sample(ann, allow_writes=True)])
    key = await gatehouse.key(ann, server)
    tools = await tools_of(gatehouse, server, key)
    (name,) = [tool["name"] for tool in tools if not tool["annotations"]["readOnlyHint"]][:1]
    return ann, server, name


async def tools_of(house: Stand, server: dict[str, Any], token: str | None) -> list[dict[str, Any]]:
    reply = await call(house, server, token)
    assert reply.status_code == 200, reply.text
    tools: list[dict[str, Any]] = message_of(reply)["result"]["tools"]
    return tools


def message_of(reply: httpx2.Response) -> dict[str, Any]:
    """The JSON-RPC message, also out of a stream of one event."""
    text = reply.text
    if reply.headers["content-type"].startswith("text/event-stream"):
        text = next(line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {"))
    found: dict[str, Any] = json.loads(text)
    return found


async def test_who_may_only_read_is_told_what_to_ask_for(gatehouse: Stand, writable):
    ann, server, tool = writable
    held = await connected(gatehouse, ann, server)
    (listed,) = [one for one in await tools_of(gatehouse, server, held.access) if one["name"] == tool]
    assert listed["_meta"]["securitySchemes"] == [{"type": "oauth2", "scopes": ["mcp:read", "mcp:write"]}]

    reply = await post(gatehouse, server, held.access, "tools/call", {"name": tool, "arguments": {}})
    challenge = (
        f'Bearer resource_metadata="{base_of(server)}{METADATA}/mcp", scope="mcp:read mcp:write", '
        f'error="insufficient_scope"'
    )
    assert reply.status_code == 403
    assert reply.headers["www-authenticate"] == challenge
    result = reply.json()["result"]
    assert result["isError"] is True
    (twin,) = result["_meta"]["mcp/www_authenticate"]
    assert twin.startswith(f"{challenge}, error_description=")


async def test_who_was_allowed_to_change_things_does(gatehouse: Stand, writable):
    ann, server, tool = writable
    agent = await registered(gatehouse, server)
    agent.asked["scope"] = "mcp:read mcp:write"
    allowed = await connected(gatehouse, ann, server, agent, write="on")
    assert allowed.tokens["scope"] == "mcp:read mcp:write"
    reply = await post(gatehouse, server, allowed.access, "tools/call", {"name": tool, "arguments": {}})
    assert reply.status_code == 200

    unticked = await connected(gatehouse, ann, server, agent)
    assert unticked.tokens["scope"] == "mcp:read"


async def test_a_readers_agent_cannot_be_widened(gatehouse: Stand, writable):
    """A reader may search; nobody can let an agent do what they may not do themselves."""
    ann, server, tool = writable
    reader = await joined(gatehouse, ann, server)
    agent = await registered(gatehouse, server)
    agent.asked["scope"] = "mcp:read mcp:write"
    held = await connected(gatehouse, reader, server, agent, write="on")
    assert held.tokens["scope"] == "mcp:read"
    assert tool not in {one["name"] for one in await tools_of(gatehouse, server, held.access)}
    reply = await post(gatehouse, server, held.access, "tools/call", {"name": tool, "arguments": {}})
    assert message_of(reply)["error"]["code"] == -32602


async def test_who_becomes_a_reader_can_no_longer_change_things(gatehouse: Stand, writable):
    ann, server, tool = writable
    manager = await joined(gatehouse, ann, server, "manager")
    token = await granted(gatehouse, manager, server, "mcp:read", "mcp:write")
    assert tool in {one["name"] for one in await tools_of(gatehouse, server, token)}
    await ann.http.patch(f"/api/v1/mcp-servers/{server['id']}/members/{manager.id}", json={"role": "reader"})
    assert tool not in {one["name"] for one in await tools_of(gatehouse, server, token)}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"method":"tools/call"}', b'{"method":"tools/call","params":[]}',
                                  b"[" * 100_000, b'{"method":"tools/call","params":{"name":{}}}'])  # fmt: skip
async def test_what_cannot_be_read_is_refused_as_for_everybody(gatehouse: Stand, writable, body: bytes):
    ann, server, _ = writable
    held = await connected(gatehouse, ann, server)
    key = await gatehouse.key(ann, server)
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    replies = [
        await gatehouse.client().post(
            server["url"], content=body, headers={**headers, "Authorization": f"Bearer {one}"}
        )
        for one in (held.access, key)
    ]
    assert replies[0].status_code == replies[1].status_code
    assert replies[0].status_code != 403
    assert replies[0].status_code < 500


async def test_what_an_agent_did_is_told_to_the_owner_and_to_who_let_it_in(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann, [await gatehouse.sample(ann)])
    reader = await joined(gatehouse, ann, server)
    held = await connected(gatehouse, reader, server)
    (grant,) = (await reader.http.get("/api/v1/me/grants")).json()["items"]
    await post(gatehouse, server, held.access, "tools/call", {"name": "search", "arguments": {"query": "x"}})
    await gatehouse.gatehouse.audit.flush()
    for person in (ann, reader):
        events = (await person.http.get("/api/v1/activity", params={"server_id": server["id"]})).json()["items"]
        called = [event for event in events if event["action"] == "tool.called"]
        assert [(event["actor"], event["actor_id"]) for event in called] == [("agent", grant["id"])]
        created = [event for event in events if event["action"] == "grant.created"]
        assert [(event["actor_id"], event["target"]) for event in created] == [(reader.id, grant["id"])]


async def test_when_an_agent_was_last_there_is_known(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    held = await connected(gatehouse, ann, server)
    (before,) = (await ann.http.get("/api/v1/me/grants")).json()["items"]
    assert before["last_used_at"] is None
    assert before["client"] == {"name": "An agent", "host": None}
    await call(gatehouse, server, held.access)
    await gatehouse.gatehouse.agent_tokens.write_uses()
    (after,) = (await ann.http.get("/api/v1/me/grants")).json()["items"]
    assert after["last_used_at"] is not None


async def test_nothing_of_a_released_domain_reaches_who_gets_it_next(database_url: str, tmp_path: Path):
    """Ann's server goes, Bob gets its domain: her agents' tokens, codes and grants are worth nothing there."""
    clock = HandClock()
    settings = settings_for(database_url, tmp_path, mcp_gateway_url_pools="http://localhost:8001")
    async with stand(settings, clock=clock) as house:
        ann, bob = await house.person("ann"), await house.person("bob")
        first = await house.server(ann, [await house.sample(ann)], name="a-canary")
        held = await connected(house, ann, first)
        key = await house.key(ann, first)
        assert (await call(house, first, held.access)).status_code == 200
        pending = await registered(house, first)
        (grant,) = (await ann.http.get("/api/v1/me/grants")).json()["items"]
        await ann.http.delete(f"/api/v1/mcp-servers/{first['id']}")
        clock.forward(minutes=1)
        second = await house.server(bob, [await house.sample(bob)])
        assert second["url"] == first["url"]

        for token in (held.access, key):
            refused = await call(house, second, token)
            assert refused.status_code == 401
            assert "canary" not in refused.text
        refused = await held.agent.refresh(held.refresh, resource=second["url"])
        assert refused.json()["error"] == "invalid_grant"
        assert "canary" not in refused.text
        for path in (f"/api/v1/me/grants/{grant['id']}", f"/api/v1/mcp-servers/{second['id']}/grants/{grant['id']}"):
            assert (await bob.http.delete(path)).status_code == 404
        assert (await bob.http.get(f"/api/v1/mcp-servers/{second['id']}/grants")).json()["items"] == []

        bobs = await connected(house, bob, second, pending)
        assert (await call(house, second, bobs.access)).status_code == 200
        assert (await call(house, second, held.access)).status_code == 401
        await house.gatehouse.audit.flush()
        trail = (await bob.http.get("/api/v1/activity", params={"limit": 200})).json()["items"]
        assert first["id"] not in str(trail)
        assert grant["id"] not in str(trail)
