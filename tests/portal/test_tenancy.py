"""Nobody reaches what is not theirs: every route of the API, by everybody who should not get in.

The tables below say who gets what. A new route fails the first test until it has its place in one of them.
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
from tests.portal.membership import granted, joined
from tests.portal.vault import vault
from tests.stand import PASSWORD, Person, Stand

pytestmark = pytest.mark.anyio

DONE = frozenset({200, 201, 204})
OLD_PASSWORD = {"current": PASSWORD, "new": "another long password"}

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
    ("POST", "/me/password"): OLD_PASSWORD,
    ("POST", "/me/email"): {"password": PASSWORD, "email": "other@example.com"},
    ("GET", "/me/export"): None,
    ("GET", "/me/sessions"): None,
    ("DELETE", "/me/sessions"): None,
    ("GET", "/source-types"): None,
    ("GET", "/sources"): None,
    ("POST", "/sources"): vault(),
    ("POST", "/sources/check"): {"type": "customer_db", "config": {"url": "sample"}},
    ("GET", "/me/grants"): None,
    ("GET", "/mcp-servers"): None,
    ("POST", "/mcp-servers"): {"name": "x", "source_ids": []},
    ("POST", "/invitations/accept"): {"token": "{invitation_token}"},
    ("GET", "/activity"): None,
    ("GET", "/activity/stats"): None,
}
# Routes of things that are one person's alone: for everybody else they are not there.
ONES_OWN: dict[tuple[str, str], Any] = {
    ("DELETE", "/me/sessions/{session_id}"): None,
    ("DELETE", "/me/grants/{own_grant_id}"): None,
    ("GET", "/sources/{source_id}"): None,
    ("PUT", "/sources/{source_id}"): vault(),
    ("DELETE", "/sources/{source_id}"): None,
    ("POST", "/sources/{source_id}/check"): None,
}


@dataclass(frozen=True)
class At:
    """A route at a server: what it takes, and whom it serves. The owner always, strangers never: not there."""

    reader: bool
    manager: bool
    body: Any = None


EVERYBODY, EDITORS, OWNERS = (True, True), (False, True), (False, False)
SERVER = "/mcp-servers/{server_id}"
SERVERS: dict[tuple[str, str], At] = {
    ("GET", SERVER): At(*EVERYBODY),
    ("PUT", SERVER): At(*EDITORS, {"name": "x", "source_ids": ["{source_id}"]}),
    ("DELETE", SERVER): At(*OWNERS),
    ("PATCH", SERVER + "/sources/{source_id}"): At(*EDITORS, {"enabled": False}),
    ("GET", SERVER + "/keys"): At(*EDITORS),
    ("POST", SERVER + "/keys"): At(*EDITORS, {"name": "x"}),
    ("DELETE", SERVER + "/keys/{key_id}"): At(*EDITORS),
    ("GET", SERVER + "/members"): At(*EDITORS),
    ("PATCH", SERVER + "/members/{user_id}"): At(*OWNERS, {"role": "manager"}),
    ("DELETE", SERVER + "/members/{user_id}"): At(*OWNERS),
    ("GET", SERVER + "/invitations"): At(*OWNERS),
    ("POST", SERVER + "/invitations"): At(*OWNERS, {"email": "x@example.com", "role": "reader"}),
    ("DELETE", SERVER + "/invitations/{server_invitation_id}"): At(*OWNERS),
    ("GET", SERVER + "/grants"): At(*EVERYBODY),
    ("DELETE", SERVER + "/grants/{grant_id}"): At(*EDITORS),
    ("POST", SERVER + "/search"): At(*EVERYBODY, {"query": "x"}),
    ("POST", SERVER + "/fetch"): At(*EVERYBODY, {"id": "{source_key}:1"}),
}
# Routes of the operator alone.
OPERATORS: dict[tuple[str, str], Any] = {
    ("GET", "/invitations"): None,
    ("POST", "/invitations"): None,
    ("DELETE", "/invitations/{invitation_id}"): None,
}
AT_SERVERS = {route: at.body for route, at in SERVERS.items()}
NAMED = {**ONES_OWN, **AT_SERVERS}
GUARDED = {**OWN, **NAMED, **OPERATORS}
# In these paths two things are called the same.
RENAMED = {
    ("DELETE", SERVER + "/invitations/{invitation_id}"): ("DELETE", SERVER + "/invitations/{server_invitation_id}"),
    ("DELETE", "/me/grants/{grant_id}"): ("DELETE", "/me/grants/{own_grant_id}"),
}


@dataclass(frozen=True)
class Owner:
    """Somebody who owns one of everything, and the two who share their server."""

    person: Person
    reader: Person
    manager: Person
    ids: dict[str, str]

    async def call(self, somebody: Person, route: tuple[str, str], **more: Any):
        """As somebody, with the owner's things."""
        method, template = route
        body = json.dumps(GUARDED[route])
        for name, id_ in self.ids.items():
            body = body.replace(f"{{{name}}}", id_)
        return await somebody.http.request(method, self.path(template), json=json.loads(body), **more)

    def path(self, template: str) -> str:
        return "/api/v1" + template.format(**self.ids)


async def owner(gatehouse: Stand) -> Owner:
    ann = await gatehouse.person("owner")
    source = (await ann.http.post("/api/v1/sources", json=vault(owner="o-canary"))).json()
    server = await gatehouse.server(ann, [source], name="s-canary")
    url = f"/api/v1/mcp-servers/{server['id']}"
    key = (await ann.http.post(f"{url}/keys", json={"name": "k-canary"})).json()
    (session,) = (await ann.http.get("/api/v1/me/sessions")).json()["items"]
    invitation = (await ann.http.post("/api/v1/invitations")).json()  # the first account is the operator
    reader, manager, third = [
        await joined(gatehouse, ann, server, role, name) for role, name in
        (("reader", "reader"), ("manager", "manager"), ("reader", "third"))
    ]  # fmt: skip
    invited = (
        await ann.http.post(
            f"{url}/invitations", json={"email": ann.email.replace("owner", "i-canary"), "role": "reader"}
        )
    ).json()
    for _ in range(2):
        await granted(gatehouse, ann, server)
    grants = (await ann.http.get("/api/v1/me/grants")).json()["items"]
    ids = {
        "grant_id": grants[0]["id"],
        "own_grant_id": grants[1]["id"],
        "source_id": source["id"],
        "source_key": source["key"],
        "server_id": server["id"],
        "key_id": key["id"],
        "session_id": session["id"],
        "invitation_id": invitation["id"],
        "user_id": third.id,
        "server_invitation_id": invited["id"],
        "invitation_token": invited["token"],
    }
    return Owner(ann, reader, manager, ids)


async def everything(mine: Owner) -> str:
    """What the owner sees; the same before and after whatever others tried."""
    paths = ("/sources/{source_id}", SERVER, SERVER + "/keys", SERVER + "/members", SERVER + "/grants",
             SERVER + "/invitations", "/me", "/me/grants", "/invitations")  # fmt: skip
    seen = [(await mine.person.http.get(mine.path(path))).json() for path in paths]
    return json.dumps(seen, sort_keys=True)


async def test_every_route_has_its_place_here(vaults: Stand):
    spec = (await vaults.http.get("/api/openapi.json")).json()
    routes = {
        (method.upper(), path.removeprefix("/api/v1")) for path, methods in spec["paths"].items() for method in methods
    }
    assert {RENAMED.get(route, route) for route in routes} == PUBLIC.keys() | GUARDED.keys()


async def test_another_tenant_finds_nothing_and_changes_nothing(vaults_on_both: Stand):
    mine = await owner(vaults_on_both)
    before = await everything(mine)
    bob = await vaults_on_both.person("bob")
    nowhere = Owner(bob, bob, bob, {**dict.fromkeys(mine.ids, str(UUID(int=7))), "source_key": "vault-zzzzzz"})
    for route in NAMED:
        reply = await mine.call(bob, route)
        assert reply.status_code == 404, (route, reply.text)
        missing = await nowhere.call(bob, route)
        assert {**reply.json(), "request_id": ""} == {**missing.json(), "request_id": ""}, "as if it had never been"
    for route in OPERATORS:
        assert (await mine.call(bob, route)).status_code == 403, route
    assert (await mine.call(bob, ("POST", "/invitations/accept"))).status_code == 403, "it is for somebody else"
    for route in (route for route in OWN if route[0] == "GET"):
        reply = await mine.call(bob, route)
        assert reply.status_code == 200
        assert "canary" not in reply.text
        assert not any(id_ in reply.text for id_ in mine.ids.values())
    assert await everything(mine) == before


@pytest.mark.parametrize("role", ["reader", "manager"])
async def test_a_member_gets_what_the_role_gives_and_nothing_more(vaults_on_both: Stand, role: str):
    mine = await owner(vaults_on_both)
    member = mine.reader if role == "reader" else mine.manager
    before = await everything(mine)
    for route, at in SERVERS.items():
        if not getattr(at, role):
            assert (await mine.call(member, route)).status_code == 403, route
    for route in ONES_OWN:
        assert (await mine.call(member, route)).status_code == 404, route
    for route in OPERATORS:
        assert (await mine.call(member, route)).status_code == 403, route
    assert await everything(mine) == before
    for route in in_order({route for route, at in SERVERS.items() if getattr(at, role)}):
        reply = await mine.call(member, route)
        assert reply.status_code in DONE, (route, reply.text)
        assert "o-canary" not in reply.text, "a source's settings are its owner's"
    listed = await member.http.get("/api/v1/mcp-servers")
    assert [item["id"] for item in listed.json()["items"]] == [mine.ids["server_id"]]


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
    for things in ("keys/{key_id}", "grants/{grant_id}", "members/{user_id}", "invitations/{server_invitation_id}"):
        path = mine.path(f"/mcp-servers/{server['id']}/{things}")
        assert (await bob.http.delete(path)).status_code == 404, path
    stolen = {"name": "x", "source_ids": [mine.ids["source_id"]]}
    assert (await bob.http.post("/api/v1/mcp-servers", json=stolen)).status_code == 404
    assert (await mine.manager.http.post("/api/v1/mcp-servers", json=stolen)).status_code == 404


async def refused_everywhere(gatehouse: Stand, mine: Owner, headers: dict[str, str]) -> None:
    nobody = Person("", "", "", gatehouse.http)
    for route in GUARDED:
        reply = await mine.call(nobody, route, headers=headers)
        assert reply.status_code == 401, (route, reply.text)
        assert reply.headers["content-type"] == "application/problem+json"
        assert "canary" not in reply.text


@pytest.mark.parametrize(
    "credential",
    [
        "none", "garbage", "an API key", "an agent's token", "a deleted account", "an expired session",
        "a revoked session", "a session of another account",
    ],
)  # fmt: skip
async def test_without_a_live_session_no_route_answers(vaults: Stand, clock: HandClock, credential: str):
    mine = await owner(vaults)
    bob = await vaults.person("bob")
    token = {"none": "", "garbage": "x.y.z"}.get(credential, bob.token)
    if credential == "an API key":
        token = await vaults.key(mine.person, {"id": mine.ids["server_id"]})
    if credential == "an agent's token":
        token = await granted(vaults, mine.person, {"id": mine.ids["server_id"]}, "mcp:read", "mcp:write")
    before = await everything(mine)
    restored = mine
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
        restored = Owner(again, mine.reader, mine.manager, mine.ids)
    if credential == "none":
        await refused_everywhere(vaults, mine, {})
    else:
        await refused_everywhere(vaults, mine, {"Authorization": f"Bearer {token}"})
        await refused_everywhere(vaults, mine, {"Cookie": f"session={token}"})
    assert await everything(restored) == before


def in_order(routes: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """So that nothing is deleted that a later call needs, and searches come before a source is switched off."""
    return sorted(routes, key=lambda route: (route[0] == "DELETE", route[0] == "PATCH", -len(route[1]), route))


async def test_the_owner_gets_in_at_every_route(vaults: Stand):
    """So that the refusals above prove something."""
    mine = await owner(vaults)
    ends = [("DELETE", "/me/sessions/{session_id}"), ("POST", "/signout"), ("POST", "/me/password"), ("DELETE", "/me")]
    for route in in_order(GUARDED.keys() - {*ends, ("POST", "/invitations/accept")}):
        reply = await mine.call(mine.person, route)
        assert reply.status_code in DONE, (route, reply.text)
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
