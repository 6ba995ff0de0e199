"""Refresh tokens: each is exchanged once, and a second time only by whoever lost the reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import HandClock
from tests.portal.membership import joined
from tests.portal.oauth.flow import call, connected, registered
from tests.stand import Stand, settings_for, stand

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def timed(database_url: str, tmp_path: Path, clock: HandClock) -> AsyncIterator[Stand]:
    """On both engines, with a clock in the test's hand."""
    async with stand(settings_for(database_url, tmp_path), clock=clock) as running:
        yield running


async def test_a_lost_reply_can_be_asked_for_again_for_a_minute(timed: Stand, clock: HandClock):
    ann = await timed.person()
    server = await timed.server(ann)
    held = await connected(timed, ann, server)
    first = (await held.agent.refresh(held.refresh)).json()
    clock.forward(seconds=59)
    again = (await held.agent.refresh(held.refresh)).json()
    assert again["access_token"] == first["access_token"]
    assert again["refresh_token"] == first["refresh_token"]
    assert again["expires_in"] == 3600 - 59
    assert (await call(timed, server, again["access_token"])).status_code == 200


async def test_reuse_after_the_minute_ends_everything(timed: Stand, clock: HandClock):
    ann = await timed.person()
    server = await timed.server(ann)
    held = await connected(timed, ann, server)
    first = (await held.agent.refresh(held.refresh)).json()
    clock.forward(seconds=61)
    assert (await held.agent.refresh(held.refresh)).json()["error"] == "invalid_grant"
    assert (await held.agent.refresh(first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await call(timed, server, first["access_token"])).status_code == 401
    await timed.gatehouse.audit.flush()
    (event,) = (await ann.http.get("/api/v1/activity", params={"action": "token.reuse"})).json()["items"]
    assert event["actor"] == "agent"


async def test_reuse_within_the_minute_of_a_token_whose_successor_was_used_ends_everything(timed: Stand):
    """The reply was not lost: somebody has a copy."""
    ann = await timed.person()
    server = await timed.server(ann)
    held = await connected(timed, ann, server)
    first = (await held.agent.refresh(held.refresh)).json()
    second = (await held.agent.refresh(first["refresh_token"])).json()
    assert (await held.agent.refresh(held.refresh)).json()["error"] == "invalid_grant"
    assert (await call(timed, server, second["access_token"])).status_code == 401


async def test_twenty_refreshes_at_once_give_the_same_tokens(gatehouse_on_both: Stand):
    house = gatehouse_on_both
    ann = await house.person()
    server = await house.server(ann)
    held = await connected(house, ann, server)
    replies = await asyncio.gather(*(held.agent.refresh(held.refresh) for _ in range(20)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["refresh_token"] for reply in replies}) == 1
    assert (await call(house, server, replies[0].json()["access_token"])).status_code == 200


async def test_an_access_token_lasts_an_hour_and_a_refresh_token_thirty_days(timed: Stand, clock: HandClock):
    ann = await timed.person()
    server = await timed.server(ann)
    held = await connected(timed, ann, server)
    clock.forward(minutes=59)
    assert (await call(timed, server, held.access)).status_code == 200
    clock.forward(minutes=1)
    assert (await call(timed, server, held.access)).status_code == 401
    clock.forward(days=29)
    renewed = (await held.agent.refresh(held.refresh)).json()
    clock.forward(days=30)
    assert (await held.agent.refresh(renewed["refresh_token"])).json()["error"] == "invalid_grant"


async def test_another_client_cannot_refresh(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    held = await connected(gatehouse, ann, server)
    thief = await registered(gatehouse, server)
    assert (await thief.refresh(held.refresh)).json()["error"] == "invalid_grant"
    assert (await held.agent.refresh(held.refresh)).status_code == 200


async def test_an_access_token_does_not_refresh_and_a_refresh_token_does_not_open(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    held = await connected(gatehouse, ann, server)
    assert (await held.agent.refresh(held.access)).json()["error"] == "invalid_grant"
    assert (await call(gatehouse, server, held.refresh)).status_code == 401


async def test_scopes_can_be_narrowed_and_never_widened(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    agent = await registered(gatehouse, server)
    agent.asked["scope"] = "mcp:read offline_access"
    held = await connected(gatehouse, ann, server, agent)
    wider = await agent.refresh(held.refresh, scope="mcp:read mcp:write")
    assert wider.json()["error"] == "invalid_scope"
    narrower = (await agent.refresh(held.refresh, scope="mcp:read")).json()
    assert narrower["scope"] == "mcp:read"
    assert (await agent.refresh(narrower["refresh_token"])).json()["scope"] == "mcp:read offline_access"


async def test_the_resource_may_be_left_out_and_must_not_be_another(gatehouse: Stand):
    ann = await gatehouse.person()
    server, other = await gatehouse.server(ann), await gatehouse.server(ann)
    held = await connected(gatehouse, ann, server)
    assert (await held.agent.refresh(held.refresh, resource=other["url"])).json()["error"] == "invalid_target"
    with_slash = await held.agent.refresh(held.refresh, resource=f"{server['url']}/")
    assert with_slash.status_code == 200
    assert (await held.agent.refresh(with_slash.json()["refresh_token"])).status_code == 200


@pytest.mark.parametrize("ending", ["server deleted", "member removed", "account deleted", "disconnected"])
async def test_what_a_grant_leans_on_takes_it_along(gatehouse_on_both: Stand, ending: str):
    house = gatehouse_on_both
    ann = await house.person()
    server = await house.server(ann)
    reader = await joined(house, ann, server)
    held = await connected(house, reader, server)
    (grant,) = (await reader.http.get("/api/v1/me/grants")).json()["items"]
    url = f"/api/v1/mcp-servers/{server['id']}"
    match ending:
        case "server deleted":
            await ann.http.delete(url)
        case "member removed":
            await ann.http.delete(f"{url}/members/{reader.id}")
        case "account deleted":
            await reader.http.delete("/api/v1/me")
        case "disconnected":
            await ann.http.delete(f"{url}/grants/{grant['id']}")
    expected = 404 if ending == "server deleted" else 401
    assert (await call(house, server, held.access)).status_code == expected
    assert (await held.agent.refresh(held.refresh)).json()["error"] == "invalid_grant"
