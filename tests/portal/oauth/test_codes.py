"""Codes, exchanged once, by whom they were made for, for what they were made for."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.auth.oauth.publisher import ID, publishing
from tests.clock import HandClock
from tests.portal.oauth.flow import CALLBACK, call, code_for, connected, registered
from tests.services.egress.network import Authority
from tests.stand import Stand, settings_for, stand

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def timed(sqlite_url: str, tmp_path: Path, clock: HandClock) -> AsyncIterator[Stand]:
    async with stand(settings_for(sqlite_url, tmp_path), clock=clock) as running:
        yield running


WRONG: Sequence[tuple[dict[str, Any], str]] = (
    ({"code": "gac_of-nobody"}, "invalid_grant"),
    ({"code": None}, "invalid_request"),
    ({"code_verifier": None}, "invalid_request"),
    ({"code_verifier": ""}, "invalid_request"),
    ({"code_verifier": "a" * 42}, "invalid_grant"),
    ({"code_verifier": "a" * 43}, "invalid_grant"),
    ({"code_verifier": "a" * 129}, "invalid_grant"),
    ({"code_verifier": "ä" * 43}, "invalid_grant"),
    ({"redirect_uri": None}, "invalid_grant"),
    ({"redirect_uri": CALLBACK + "/"}, "invalid_grant"),
    ({"redirect_uri": "https://evil.example.com/callback"}, "invalid_grant"),
    ({"resource": "http://localhost:8002/mcp"}, "invalid_target"),
    ({"resource": "nonsense"}, "invalid_target"),
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ({"grant_type": None}, "invalid_request"),
)
"""What may be wrong with an exchange, and the word for it."""


async def test_what_was_said_with_the_request_must_be_said_again(gatehouse: Stand):
    ann = await gatehouse.person()
    agent = await registered(gatehouse, await gatehouse.server(ann))
    code = await code_for(gatehouse, ann, agent)
    for changes, error in WRONG:
        reply = await agent.exchange(code, **changes)
        assert (reply.status_code, reply.json()["error"]) == (400, error), changes
        assert code not in reply.text
        assert reply.headers["cache-control"] == "no-store"
    assert (await agent.exchange(code)).status_code == 200, "the mistakes of others cost the agent nothing"


async def test_a_code_is_good_for_its_own_client_alone(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    agent, thief = await registered(gatehouse, server), await registered(gatehouse, server)
    code = await code_for(gatehouse, ann, agent)
    stolen = await thief.exchange(code, code_verifier=agent.verifier)
    assert stolen.json()["error"] == "invalid_grant"
    assert (await agent.exchange(code)).status_code == 200


async def test_a_code_is_good_for_a_minute(timed: Stand, clock: HandClock):
    ann = await timed.person()
    agent = await registered(timed, await timed.server(ann))
    code = await code_for(timed, ann, agent)
    clock.forward(seconds=60)
    assert (await agent.exchange(code)).json()["error"] == "invalid_grant"


async def test_a_code_that_comes_again_ends_what_came_of_it(gatehouse_on_both: Stand):
    house = gatehouse_on_both
    ann = await house.person()
    server = await house.server(ann)
    agent = await registered(house, server)
    code = await code_for(house, ann, agent)
    tokens = (await agent.exchange(code)).json()
    assert (await call(house, server, tokens["access_token"])).status_code == 200
    assert (await agent.exchange(code)).json()["error"] == "invalid_grant"
    assert (await call(house, server, tokens["access_token"])).status_code == 401
    assert (await agent.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await ann.http.get("/api/v1/me/grants")).json()["items"] == []
    await house.gatehouse.audit.flush()
    (event,) = (await ann.http.get("/api/v1/activity", params={"action": "token.reuse"})).json()["items"]
    assert event["outcome"] == "refused"


async def test_of_twenty_exchanges_at_once_one_succeeds(gatehouse_on_both: Stand):
    house = gatehouse_on_both
    ann = await house.person()
    agent = await registered(house, await house.server(ann))
    code = await code_for(house, ann, agent)
    replies = await asyncio.gather(*(agent.exchange(code) for _ in range(20)))
    assert sorted(reply.status_code for reply in replies) == [200] + [400] * 19
    assert {reply.json()["error"] for reply in replies if reply.status_code == 400} == {"invalid_grant"}


async def test_what_ends_between_consent_and_exchange_is_not_let_in(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    agent = await registered(gatehouse, server)
    code = await code_for(gatehouse, ann, agent)
    assert (await ann.http.delete(f"/api/v1/mcp-servers/{server['id']}")).status_code == 204
    assert (await agent.exchange(code)).json()["error"] == "invalid_grant"


async def test_without_a_redirect_uri_in_the_request_none_is_needed_with_the_code(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    agent = await registered(gatehouse, server)
    agent.asked["redirect_uri"] = None
    assert (await agent.exchange(await code_for(gatehouse, ann, agent), redirect_uri=CALLBACK)).status_code == 200
    assert (await agent.exchange(await code_for(gatehouse, ann, agent))).status_code == 200


async def test_a_loopback_client_may_listen_on_any_port(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    agent = await registered(gatehouse, server, redirect_uri="http://127.0.0.1:33418/")
    agent.asked["redirect_uri"] = "http://127.0.0.1:49152/"
    assert (await agent.exchange(await code_for(gatehouse, ann, agent))).status_code == 200
    code = await code_for(gatehouse, ann, agent)
    assert (await agent.exchange(code, redirect_uri="http://127.0.0.1:1/")).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
async def test_a_client_with_a_secret_must_show_it(gatehouse: Stand, method: str):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    http = gatehouse.client()
    body = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": method}
    made = (await http.post("/register", json=body)).json()
    agent = await registered(gatehouse, server)
    agent.client_id = made["client_id"]
    agent.asked["client_id"] = made["client_id"]
    code = await code_for(gatehouse, ann, agent)
    for wrong in (None, "x", made["client_secret"] + "x"):
        reply = await agent.exchange(code, client_secret=wrong)
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
        assert reply.headers["www-authenticate"] == "Basic"
    if method == "client_secret_basic":
        pair = base64.b64encode(f"{made['client_id']}:{made['client_secret']}".encode()).decode()
        agent.http.headers["Authorization"] = f"Basic {pair}"
        assert (await agent.exchange(code, client_secret=made["client_secret"])).json()["error"] == "invalid_request"
        assert (await agent.exchange(code, client_id="another")).json()["error"] == "invalid_request"
        assert (await agent.exchange(code, client_id=None)).status_code == 200
    else:
        assert (await agent.exchange(code, client_secret=made["client_secret"])).status_code == 200


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic eA==", "Bearer x", "Basic 77+977+9"])
async def test_an_authorization_header_that_cannot_be_read_is_refused(gatehouse: Stand, header: str):
    agent = await registered(gatehouse)
    agent.http.headers["Authorization"] = header
    reply = await agent.exchange("x")
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


async def test_the_token_endpoint_takes_forms_by_post_and_nothing_else(gatehouse: Stand):
    agent = await registered(gatehouse)
    as_json = await agent.http.post("/token", json={"grant_type": "authorization_code", "client_id": agent.client_id})
    assert (as_json.status_code, as_json.json()["error"]) == (400, "invalid_request")
    assert (await agent.http.get("/token")).status_code == 405
    twice = await agent.http.post(
        "/token",
        content=f"grant_type=authorization_code&client_id={agent.client_id}&code=a&code=b",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    large = await agent.http.post("/token", data={"grant_type": "x" * 17_000})
    assert large.status_code == 413
    unknown = await agent.exchange("x", client_id="nobody")
    assert (unknown.status_code, unknown.json()["error"]) == (401, "invalid_client")
    nameless = await agent.exchange("x", client_id=None)
    assert (nameless.status_code, nameless.json()["error"]) == (401, "invalid_client")


async def test_an_exchange_under_way_while_the_person_takes_it_back_gives_nothing_that_works(gatehouse_on_both: Stand):
    house = gatehouse_on_both
    ann = await house.person()
    server = await house.server(ann)
    agent = await registered(house, server)
    code = await code_for(house, ann, agent)
    reply, _ = await asyncio.gather(agent.exchange(code), ann.http.delete(f"/api/v1/mcp-servers/{server['id']}"))
    if reply.status_code == 200:
        assert (await agent.refresh(reply.json()["refresh_token"])).status_code == 400
    held = await house.server(ann)
    assert held["url"] == server["url"]
    if reply.status_code == 200:
        assert (await call(house, held, reply.json()["access_token"])).status_code == 401
    assert (await connected(house, ann, held)).access


async def test_an_agent_whose_document_cannot_be_read_now_is_asked_to_wait(sqlite_url: str, tmp_path: Path):
    """Told that it is unknown, it would forget its tokens."""
    async with (
        publishing(Authority()) as publisher,
        stand(settings_for(sqlite_url, tmp_path), internet=publisher.egress) as running,
    ):
        publisher.publish(b"", status=503)
        form = {"grant_type": "refresh_token", "refresh_token": "grt_x", "client_id": ID}
        reply = await running.http.post("/token", data=form)
    assert reply.status_code == 503, reply.text
    assert reply.json()["error"] == "temporarily_unavailable"
    assert reply.headers["retry-after"] == "30"
