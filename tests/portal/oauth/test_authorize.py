"""What is refused at the authorization endpoint: on a page where nobody may be sent anywhere, else to the agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.portal.oauth.flow import CALLBACK, Connecting, answer, browser, registered
from tests.stand import PORTAL, Stand

pytestmark = pytest.mark.anyio


async def asking(house: Stand) -> Connecting:
    return await registered(house, await house.server(await house.person()))


UNKNOWN: Sequence[dict[str, Any]] = (
    {"client_id": "nobody-registered-this"},
    {"client_id": None},
    {"client_id": "https://127.0.0.1/client.json"},
    {"redirect_uri": "https://evil.example.com/callback"},
    {"redirect_uri": CALLBACK + "/"},
    {"redirect_uri": CALLBACK + "?x=1"},
    {"redirect_uri": CALLBACK.replace("agent", "AGENT")},
    {"redirect_uri": CALLBACK.replace("https", "http")},
    {"redirect_uri": "javascript:alert(1)"},
)
"""Clients and addresses that nobody has named before."""


async def test_nobody_is_sent_anywhere_for_a_client_or_an_address_that_is_not_known(gatehouse: Stand):
    agent = await asking(gatehouse)
    for changes in UNKNOWN:
        reply = await gatehouse.http.get(agent.url(**changes), headers={"Accept": "text/html"})
        assert reply.status_code == 400, changes
        assert "location" not in reply.headers, changes
        assert "text/html" in reply.headers["content-type"]
        assert "evil.example.com" not in reply.text


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_nobody_is_sent_anywhere_when_it_is_not_clear_to_whom(gatehouse: Stand, name: str):
    agent = await asking(gatehouse)
    reply = await gatehouse.http.get(f"{agent.url()}&{name}=https://evil.example.com/callback")
    assert reply.status_code == 400
    assert "location" not in reply.headers


TOLD: Sequence[tuple[dict[str, Any], str]] = (
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code token"}, "unsupported_response_type"),
    ({"response_type": None}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": "a" * 44}, "invalid_request"),
    ({"scope": "admin"}, "invalid_scope"),
    ({"request": "eyJ.eyJ.x"}, "request_not_supported"),
    ({"resource": "https://elsewhere.example.com/mcp"}, "invalid_target"),
    ({"resource": "http://localhost:8005/mcp"}, "invalid_target"),
    ({"resource": f"{PORTAL}/mcp"}, "invalid_target"),
    ({"resource": "http://localhost:8001/mcp?x=1"}, "invalid_target"),
    ({"resource": "http://localhost:8001/mcp#x"}, "invalid_target"),
    ({"resource": "http://user@localhost:8001/mcp"}, "invalid_target"),
    ({"resource": "http://localhost:8001/other"}, "invalid_target"),
    ({"resource": "not a url"}, "invalid_target"),
    ({"prompt": "none"}, "login_required"),
)
"""What an agent may get wrong, and the word it is told."""


async def test_the_agent_is_told_what_it_must_do_otherwise(gatehouse: Stand):
    agent = await asking(gatehouse)
    for changes, error in TOLD:
        reply = await gatehouse.http.get(agent.url(**changes))
        assert reply.headers["location"].startswith(f"{CALLBACK}?"), changes
        told = answer(reply)
        assert told.pop("error_description")
        assert told == {"error": error, "state": "st4te", "iss": PORTAL}, changes


@pytest.mark.parametrize("name", ["state", "resource", "scope", "code_challenge"])
async def test_nothing_may_be_said_twice(gatehouse: Stand, name: str):
    agent = await asking(gatehouse)
    told = answer(await gatehouse.http.get(f"{agent.url()}&{name}=again"))
    assert (told["error"], told["state"], told["iss"]) == ("invalid_request", "st4te", PORTAL)


async def test_a_state_that_nobody_could_have_meant_is_refused(gatehouse: Stand):
    agent = await asking(gatehouse)
    assert answer(await gatehouse.http.get(agent.url(state="x" * 2_001)))["error"] == "invalid_request"


async def test_without_a_page_nobody_can_be_asked(gatehouse: Stand):
    ann = await gatehouse.person()
    agent = await registered(gatehouse, await gatehouse.server(ann))
    theirs = await browser(gatehouse, ann)
    assert answer(await theirs.http.get(agent.url(prompt="none")))["error"] == "consent_required"


@pytest.mark.parametrize("spelling", ["{base}", "{base}/", "{base}/mcp", "{base}/mcp/", "HTTP://LOCALHOST:{port}/mcp"])
async def test_every_spelling_of_the_address_means_the_server(gatehouse: Stand, spelling: str):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    base = server["url"].removesuffix("/mcp")
    resource = spelling.format(base=base, port=base.rpartition(":")[2])
    agent = await registered(gatehouse, server)
    theirs = await browser(gatehouse, ann)
    code = answer(await theirs.decide(await theirs.open(agent.url(resource=resource))))["code"]
    assert (await agent.exchange(code, resource=resource)).status_code == 200


async def test_scopes_that_we_do_not_have_are_left_out(gatehouse: Stand):
    """Some clients ask for everything they know of: openid, offline_access."""
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    agent = await registered(gatehouse, server)
    theirs = await browser(gatehouse, ann)
    page = await theirs.open(agent.url(scope="openid email offline_access mcp:read"))
    reply = await agent.exchange(answer(await theirs.decide(page))["code"])
    assert reply.json()["scope"] == "mcp:read offline_access"


async def test_the_authorization_endpoint_answers_no_other_method(gatehouse: Stand):
    agent = await asking(gatehouse)
    assert (await gatehouse.http.post(agent.url(), data={})).status_code == 405


async def test_pages_for_people_tell_no_other_origin_anything(gatehouse: Stand):
    agent = await asking(gatehouse)
    for path in (agent.url(), "/consent?request=x"):
        reply = await gatehouse.http.get(path, headers={"Origin": "https://evil.example.com"})
        assert "access-control-allow-origin" not in reply.headers
