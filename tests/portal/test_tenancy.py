"""Nobody reaches what is not theirs: every route of the API, by everybody who should not get in.

A new route fails the first test until it has its place below.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from database.models import Session
from tests.clock import HandClock
from tests.portal.vault import vault
from tests.stand import PASSWORD, Person, Stand

pytestmark = pytest.mark.anyio

SERVER = {"name": "x", "source_ids": []}

# Routes that need no session, and why nothing of anybody's is behind them.
PUBLIC = {
    ("POST", "/signup"): "makes an account",
    ("POST", "/signin"): "asks for a password",
    ("POST", "/reset-password"): "asks for a one-time link",
    ("GET", "/checks"): "counts sources by kind",
}
# Routes that show or change the caller's own things, whoever it is, with a body that they take.
OWN: dict[tuple[str, str], Any] = {
    ("POST", "/signout"): None,
    ("GET", "/me"): None,
    ("PATCH", "/me"): {"name": "x"},
    ("DELETE", "/me"): None,
    ("POST", "/me/password"): {"current": PASSWORD, "new": "another long password"},
    ("POST", "/me/email"): {"password": PASSWORD, "email": "other@example.com"},
    ("GET", "/me/export"): None,
    ("GET", "/me/sessions"): None,
    ("DELETE", "/me/sessions"): None,
    ("GET", "/source-types"): None,
    ("GET", "/sources"): None,
    ("POST", "/sources"): vault(),
    ("POST", "/sources/check"): {"type": "customer_db", "config": {"url": "sample"}},
    ("GET", "/mcp-servers"): None,
    ("POST", "/mcp-servers"): SERVER,
    ("GET", "/activity"): None,
}
# Routes that name a thing: for everybody but its owner it is not there.
OWNED: dict[tuple[str, str], Any] = {
    ("DELETE", "/me/sessions/{session_id}"): None,
    ("GET", "/sources/{source_id}"): None,
    ("PUT", "/sources/{source_id}"): vault(),
    ("DELETE", "/sources/{source_id}"): None,
    ("POST", "/sources/{source_id}/check"): None,
    ("GET", "/mcp-servers/{server_id}"): None,
    ("PUT", "/mcp-servers/{server_id}"): SERVER,
    ("DELETE", "/mcp-servers/{server_id}"): None,
    ("PATCH", "/mcp-servers/{server_id}/sources/{source_id}"): {"enabled": False},
    ("GET", "/mcp-servers/{server_id}/keys"): None,
    ("POST", "/mcp-servers/{server_id}/keys"): {"name": "x"},
    ("DELETE", "/mcp-servers/{server_id}/keys/{key_id}"): None,
    ("POST", "/mcp-servers/{server_id}/search"): {"query": "x"},
    ("POST", "/mcp-servers/{server_id}/fetch"): {"id": "x:1"},
}
# Routes of the operator alone.
OPERATORS: dict[tuple[str, str], Any] = {
    ("GET", "/invitations"): None,
    ("POST", "/invitations"): None,
    ("DELETE", "/invitations/{invitation_id}"): None,
}
GUARDED = {**OWN, **OWNED, **OPERATORS}


@dataclass(frozen=True)
class Owner:
    """Somebody who owns one of everything."""

    person: Person
    ids: dict[str, str]

    def path(self, template: str) -> str:
        return "/api/v1" + template.format(**self.ids)


async def owner(gatehouse: Stand) -> Owner:
    ann = await gatehouse.person("owner")
    source = (await ann.http.post("/api/v1/sources", json=vault(owner="o-canary"))).json()
    server = await gatehouse.server(ann, [source], name="s-canary")
    key = (await ann.http.post(f"/api/v1/mcp-servers/{server['id']}/keys", json={"name": "k-canary"})).json()
    (session,) = (await ann.http.get("/api/v1/me/sessions")).json()["items"]
    invitation = (await ann.http.post("/api/v1/invitations")).json()  # the first account is the operator
    ids = {
        "source_id": source["id"],
        "server_id": server["id"],
        "key_id": key["id"],
        "session_id": session["id"],
        "invitation_id": invitation["id"],
    }
    return Owner(ann, ids)


async def everything(mine: Owner) -> str:
    """What the owner sees; the same before and after whatever others tried."""
    paths = ("/sources/{source_id}", "/mcp-servers/{server_id}", "/mcp-servers/{server_id}/keys", "/me", "/invitations")
    seen = [(await mine.person.http.get(mine.path(path))).json() for path in paths]
    return json.dumps(seen, sort_keys=True)


async def test_every_route_has_its_place_here(vaults: Stand):
    spec = (await vaults.http.get("/api/openapi.json")).json()
    routes = {
        (method.upper(), path.removeprefix("/api/v1")) for path, methods in spec["paths"].items() for method in methods
    }
    assert routes == PUBLIC.keys() | GUARDED.keys()


async def test_another_tenant_finds_nothing_and_changes_nothing(vaults_on_both: Stand):
    mine = await owner(vaults_on_both)
    before = await everything(mine)
    bob = await vaults_on_both.person("bob")
    for (method, template), body in OWNED.items():
        reply = await bob.http.request(method, mine.path(template), json=body)
        assert reply.status_code == 404, (method, template, reply.text)
        nowhere = Owner(bob, dict.fromkeys(mine.ids, str(UUID(int=7))))
        missing = await bob.http.request(method, nowhere.path(template), json=body)
        assert {**reply.json(), "request_id": ""} == {**missing.json(), "request_id": ""}, "as if it had never been"
    for (method, template), body in OPERATORS.items():
        reply = await bob.http.request(method, mine.path(template), json=body)
        assert reply.status_code == 403, (method, template)
    for method, template in OWN:
        if method == "GET":
            reply = await bob.http.get(mine.path(template))
            assert reply.status_code == 200
            assert "canary" not in reply.text
            assert not any(id_ in reply.text for id_ in mine.ids.values())
    assert await everything(mine) == before


async def test_another_tenants_server_cannot_be_filled_with_ones_own_things(vaults: Stand):
    mine = await owner(vaults)
    bob = await vaults.person("bob")
    source = (await bob.http.post("/api/v1/sources", json=vault())).json()
    server = await vaults.server(bob, [source])
    for path in (
        f"/api/v1/mcp-servers/{server['id']}/sources/{mine.ids['source_id']}",
        f"/api/v1/mcp-servers/{mine.ids['server_id']}/sources/{source['id']}",
    ):
        assert (await bob.http.patch(path, json={"enabled": True})).status_code == 404
    key = mine.path(f"/mcp-servers/{server['id']}/keys/{{key_id}}")
    assert (await bob.http.delete(key)).status_code == 404


async def refused_everywhere(gatehouse: Stand, mine: Owner, headers: dict[str, str]) -> None:
    for (method, template), body in GUARDED.items():
        reply = await gatehouse.http.request(method, mine.path(template), json=body, headers=headers)
        assert reply.status_code == 401, (method, template, reply.text)
        assert reply.headers["content-type"] == "application/problem+json"
        assert "canary" not in reply.text


@pytest.mark.parametrize("credential", ["none", "garbage", "an API key", "a deleted account", "an expired session",
                                        "a revoked session", "a session of another account"])  # fmt: skip
async def test_without_a_live_session_no_route_answers(vaults: Stand, clock: HandClock, credential: str):
    mine = await owner(vaults)
    before = await everything(mine)
    bob = await vaults.person("bob")
    token = {"none": "", "garbage": "x.y.z"}.get(credential, bob.token)
    restored = mine
    if credential == "an API key":
        token = await vaults.key(mine.person, {"id": mine.ids["server_id"]})
        before = await everything(mine)
    if credential == "a deleted account":
        await bob.http.delete("/api/v1/me")
    if credential == "a revoked session":
        await bob.http.post("/api/v1/signout")
    if credential == "a session of another account":
        async with vaults.gatehouse.database.writing() as session:
            await session.execute(
                update(Session).where(Session.user_id == UUID(bob.id)).values(user_id=UUID(mine.person.id))
            )
        await mine.person.http.get("/api/v1/me")
    if credential == "an expired session":
        clock.forward(hours=12)
        body = {"email": mine.person.email, "password": PASSWORD}
        fresh = (await vaults.http.post("/api/v1/signin", json=body)).json()["access_token"]
        vaults.http.cookies.clear()
        again = Person(mine.person.id, mine.person.email, fresh, vaults.client(Authorization=f"Bearer {fresh}"))
        restored = Owner(again, mine.ids)
    if credential == "none":
        await refused_everywhere(vaults, mine, {})
    else:
        await refused_everywhere(vaults, mine, {"Authorization": f"Bearer {token}"})
        await refused_everywhere(vaults, mine, {"Cookie": f"session={token}"})
    assert await everything(restored) == before


async def test_the_owner_gets_in_at_every_route(vaults: Stand):
    """So that the refusals above prove something."""
    mine = await owner(vaults)
    ends = [("DELETE", "/me/sessions/{session_id}"), ("POST", "/signout"), ("POST", "/me/password"), ("DELETE", "/me")]
    calls = sorted(GUARDED.keys() - set(ends), key=lambda call: (call[0] == "DELETE", -len(call[1])))
    for method, template in calls:
        reply = await mine.person.http.request(method, mine.path(template), json=GUARDED[method, template])
        expected = (404,) if template.endswith("/fetch") else (200, 201, 204)  # it names a document nobody has
        assert reply.status_code in expected, (method, template, reply.text)
    for method, template in ends:
        body = {"email": "other@example.com", "password": PASSWORD}
        token = (await vaults.http.post("/api/v1/signin", json=body)).json()["access_token"]
        vaults.http.cookies.clear()
        headers = {"Authorization": f"Bearer {token}"}
        sessions = (await vaults.http.get("/api/v1/me/sessions", headers=headers)).json()["items"]
        path = f"/api/v1{template}".format(session_id=sessions[0]["id"])
        reply = await vaults.http.request(method, path, json=GUARDED[method, template], headers=headers)
        assert reply.status_code in (200, 204), (method, template, reply.text)
        if template == "/me/password":
            body = {"current": "another long password", "new": PASSWORD}
            headers = {"Authorization": f"Bearer {reply.json()['access_token']}"}
            await vaults.http.post("/api/v1/me/password", json=body, headers=headers)
        vaults.http.cookies.clear()
