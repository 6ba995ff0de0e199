"""ChatGPT, Claude, Claude Code, VS Code and Cursor as their vendors document them: who they say they are, where they
want to be answered, and the liberties that they take. Simulated: nothing here reaches a vendor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.portal.oauth.flow import Connecting, answer, browser, call, registered
from tests.stand import PORTAL, Person, Stand

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Vendor:
    client_id: str | None
    """Of its document; None: it registers."""
    redirect_uri: str
    resource: str = "{url}"
    scope: str | None = "mcp:read"
    registers: str | None = None
    """The address it registers, where it is then answered at another port."""
    resource_on_refresh: bool = True


VENDORS = {
    "ChatGPT": Vendor("https://chatgpt.com/oauth/client.json", "https://chatgpt.com/connector_platform_oauth_redirect"),
    "ChatGPT, registered once per connection": Vendor(None, "https://chatgpt.com/connector/oauth/Ab12Cd34", scope=None),
    "Codex": Vendor(
        "https://chatgpt.com/oauth/codex/client.json", "http://127.0.0.1:51234/callback", resource_on_refresh=False
    ),
    "Claude on the web": Vendor(
        "https://claude.ai/oauth/mcp-oauth-client-metadata",
        "https://claude.ai/api/mcp/auth_callback",
        scope="mcp:read offline_access",
    ),
    "Claude, registered on every connect": Vendor(None, "https://claude.ai/api/mcp/auth_callback"),
    "Claude Code": Vendor(
        "https://claude.ai/oauth/claude-code-client-metadata",
        "http://localhost:54545/callback",
        resource="{url}/",
        scope="mcp:read offline_access",
    ),
    "VS Code in the browser": Vendor("https://vscode.dev/oauth/client-metadata.json", "https://vscode.dev/redirect"),
    "VS Code, its port taken": Vendor(None, "http://127.0.0.1:33419/", registers="http://127.0.0.1:33418/"),
    "Cursor": Vendor(None, "http://localhost:8787/callback", resource="{base}"),
    "Cursor, older": Vendor(None, "cursor://anysphere.cursor-mcp/oauth/callback", resource="{base}/"),
}


async def approach(house: Stand, vendor: Vendor, server: dict[str, Any]) -> Connecting:
    """The vendor's client on its way in."""
    base = server["url"].removesuffix("/mcp")
    agent = await registered(house, server, redirect_uri=vendor.registers or vendor.redirect_uri)
    agent.client_id = vendor.client_id or agent.client_id
    agent.asked |= {
        "client_id": agent.client_id,
        "redirect_uri": vendor.redirect_uri,
        "resource": vendor.resource.format(url=server["url"], base=base),
        "scope": vendor.scope,
    }
    return agent


async def found_by_itself(house: Stand, server: dict[str, Any]) -> dict[str, Any]:
    """The authorization server's metadata, from nothing but the address that somebody pasted."""
    refused = await call(house, server, None)
    assert refused.status_code == 401
    pointer = refused.headers["www-authenticate"].split('resource_metadata="')[1].split('"')[0]
    resource = (await house.client().get(pointer)).json()
    assert resource["resource"] == server["url"], "compared with what was typed"
    (issuer,) = resource["authorization_servers"]
    metadata: dict[str, Any] = (await house.client().get(f"{issuer}/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == issuer, "compared without normalising"
    return metadata


@pytest.fixture
async def ann(gatehouse: Stand) -> Person:
    return await gatehouse.person()


@pytest.mark.parametrize("name", VENDORS)
async def test_it_connects_searches_and_stays(gatehouse: Stand, ann: Person, name: str):
    vendor = VENDORS[name]
    server = await gatehouse.server(ann)
    metadata = await found_by_itself(gatehouse, server)
    assert "S256" in metadata["code_challenge_methods_supported"]
    assert "none" in metadata["token_endpoint_auth_methods_supported"]
    assert metadata["client_id_metadata_document_supported"] is True
    assert metadata["authorization_response_iss_parameter_supported"] is True

    agent = await approach(gatehouse, vendor, server)
    theirs = await browser(gatehouse, ann)
    page = await theirs.open(agent.url())
    assert page.status_code == 200, page.text
    reply = await theirs.decide(page)
    assert reply.headers["location"].startswith(vendor.redirect_uri)
    sent = answer(reply)
    assert sent["iss"] == metadata["issuer"] == PORTAL

    tokens = (await agent.exchange(sent["code"])).json()
    assert (await call(gatehouse, server, tokens["access_token"])).status_code == 200
    again = {"resource": agent.asked["resource"]} if vendor.resource_on_refresh else {}
    renewed = await agent.refresh(tokens["refresh_token"], **again)
    assert (await call(gatehouse, server, renewed.json()["access_token"])).status_code == 200


async def test_a_vendors_name_is_no_use_to_who_wants_the_code_elsewhere(gatehouse: Stand, ann: Person):
    server = await gatehouse.server(ann)
    agent = await approach(gatehouse, VENDORS["ChatGPT"], server)
    for elsewhere in ("https://evil.example.com/", "https://chatgpt.com.evil.example.com/", "http://127.0.0.1:1/cb"):
        reply = await gatehouse.http.get(agent.url(redirect_uri=elsewhere))
        assert reply.status_code == 400
        assert "location" not in reply.headers
