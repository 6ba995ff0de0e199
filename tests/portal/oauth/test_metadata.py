"""What agents find out by themselves: the server's metadata, and who may read and call what."""

from __future__ import annotations

import pytest

from tests.portal.oauth.flow import call, connected, registered
from tests.stand import PORTAL, Stand

pytestmark = pytest.mark.anyio

ANYWHERE = {"Origin": "https://agent.example.com"}


async def test_the_metadata_is_what_agents_need(gatehouse: Stand):
    reply = await gatehouse.http.get("/.well-known/oauth-authorization-server")
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "public, max-age=300"
    assert reply.json() == {
        "issuer": PORTAL,
        "authorization_endpoint": f"{PORTAL}/authorize",
        "token_endpoint": f"{PORTAL}/token",
        "registration_endpoint": f"{PORTAL}/register",
        "revocation_endpoint": f"{PORTAL}/revoke",
        "scopes_supported": ["mcp:read", "mcp:write", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": True,
        "authorization_response_iss_parameter_supported": True,
    }


@pytest.mark.parametrize(
    "path", ["openid-configuration", "oauth-authorization-server/mcp", "oauth-protected-resource", "anything/else", ""]
)
async def test_nothing_else_well_known_is_there_and_nothing_is_a_page(gatehouse: Stand, path: str):
    reply = await gatehouse.http.get(f"/.well-known/{path}", headers={"Accept": "text/html"})
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/token", "/register", "/revoke"])
async def test_web_pages_of_any_origin_may_call_without_their_visitors_session(gatehouse: Stand, path: str):
    method = "GET" if path.startswith("/.well-known") else "POST"
    asked = {**ANYWHERE, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"}
    preflight = await gatehouse.http.options(path, headers=asked)
    assert preflight.status_code == 200
    reply = await gatehouse.http.request(method, path, headers={**ANYWHERE, "Cookie": "session=x"})
    assert reply.status_code < 500
    for answer in (preflight, reply):
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["access-control-allow-origin"] in ("*", ANYWHERE["Origin"])
    assert reply.headers["access-control-expose-headers"] == "WWW-Authenticate"


async def test_a_registration_is_answered_and_never_kept_by_caches(gatehouse: Stand):
    reply = await gatehouse.http.post("/register", json={"redirect_uris": ["https://agent.example.com/callback"]})
    assert reply.status_code == 201
    assert reply.headers["cache-control"] == "no-store"
    assert reply.json()["client_id"]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b'{"redirect_uris": ["javascript:alert(1)"]}', 400, "invalid_redirect_uri"),
        (b'{"redirect_uris": ["http://evil.example.com/"]}', 400, "invalid_redirect_uri"),
        (b"not json", 400, "invalid_client_metadata"),
        (b'{"x": "' + b"y" * 17_000 + b'"}', 413, "payload_too_large"),
    ],
)
async def test_a_registration_that_cannot_be_accepted_is_told_why(
    gatehouse: Stand, body: bytes, status: int, error: str
):
    reply = await gatehouse.http.post("/register", content=body, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["error"]) == (status, error)


async def test_an_agent_takes_its_own_token_back(gatehouse: Stand):
    """Also one without a secret, and nobody else's."""
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    held, thief = await connected(gatehouse, ann, server), await registered(gatehouse, server)

    async def revoke(client_id: str, token: str) -> int:
        return (await gatehouse.http.post("/revoke", data={"client_id": client_id, "token": token})).status_code

    assert await revoke(thief.client_id, held.access) == 200
    assert await revoke(thief.client_id, held.refresh) == 200
    assert await revoke(held.agent.client_id, "gat_of-nobody") == 200
    assert (await call(gatehouse, server, held.access)).status_code == 200, "others cannot"
    assert await revoke(held.agent.client_id, held.access) == 200
    assert (await call(gatehouse, server, held.access)).status_code == 401
    renewed = (await held.agent.refresh(held.refresh)).json()
    assert await revoke(held.agent.client_id, renewed["refresh_token"]) == 200
    assert (await call(gatehouse, server, renewed["access_token"])).status_code == 401
    assert (await held.agent.refresh(renewed["refresh_token"])).json()["error"] == "invalid_grant"
    await gatehouse.gatehouse.audit.flush()
    events = (await ann.http.get("/api/v1/activity", params={"action": "grant.revoked"})).json()["items"]
    assert [event["actor"] for event in events] == ["agent"]


async def test_a_revocation_without_a_token_or_a_client_is_refused(gatehouse: Stand):
    agent = await registered(gatehouse)
    tokenless = await gatehouse.http.post("/revoke", data={"client_id": agent.client_id})
    assert (tokenless.status_code, tokenless.json()["error"]) == (400, "invalid_request")
    nameless = await gatehouse.http.post("/revoke", data={"token": "x"})
    assert (nameless.status_code, nameless.json()["error"]) == (401, "invalid_client")
