"""From a 401 at a gateway to an agent that is let in."""

from __future__ import annotations

import pytest

from tests.portal.oauth.flow import answer, browser, call, registered
from tests.stand import PORTAL, Stand

pytestmark = pytest.mark.anyio


async def test_an_agent_is_let_in_and_stays_in(gatehouse_on_both: Stand):
    house = gatehouse_on_both
    ann = await house.person()
    server = await house.server(ann, [await house.sample(ann)])
    agent = await registered(house, server)
    theirs = await browser(house, ann)

    page = await theirs.open(agent.url())
    assert page.status_code == 200
    sent = answer(await theirs.decide(page))
    assert sent["state"] == "st4te"
    assert sent["iss"] == PORTAL

    reply = await agent.exchange(sent["code"])
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    tokens = reply.json()
    assert {name: tokens[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "mcp:read",
    }
    assert (await call(house, server, tokens["access_token"])).status_code == 200

    again = (await agent.refresh(tokens["refresh_token"])).json()
    assert again["refresh_token"] != tokens["refresh_token"]
    assert (await call(house, server, again["access_token"])).status_code == 200
