"""Every path of every host, by everything that somebody could hold.

tests/portal/test_tenancy.py says the same of the API. A new page, endpoint or gateway path fails the first two tests
until it has its place in a table below.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette

import gateway.app
from portal.pages.screen import FORM_TOKEN
from tests.clock import HandClock
from tests.gateway.wire import initialize, message, reply_in, request
from tests.portal.membership import granted, joined
from tests.portal.test_tenancy import GUARDED, Owner, everything, owner
from tests.portal.vault import registry
from tests.stand import PORTAL, Person, Stand, settings_for, stand

pytestmark = pytest.mark.anyio

Place = tuple[str, str]

# Of the portal, beside the API: what anybody may open, and why nothing of anybody's is behind it.
ANYBODY: dict[Place, str] = {
    ("GET", "/"): "says what this is",
    ("GET", "/signin"): "asks for a password",
    ("POST", "/signin"): "asks for a password",
    ("GET", "/signup"): "makes an account",
    ("POST", "/signup"): "makes an account",
    ("GET", "/reset"): "asks for a one-time link",
    ("POST", "/reset"): "asks for a one-time link",
    ("POST", "/scheme"): "light or dark, in a cookie",
    ("GET", "/guides/{kind}"): "how to connect a kind of source",
    ("GET", "/join"): "asks for the link of an invitation; tells its holder which server and who invites",
    ("GET", "/authorize"): "where an agent sends a browser; leads to /consent",
    ("GET", "/api/openapi.json"): "describes the API",
    ("GET", "/api/docs"): "describes the API",
}
# What agents' programs call; each asks for what only the right one knows.
PROGRAMS: dict[Place, str] = {
    ("GET", "/.well-known/oauth-authorization-server"): "names endpoints",
    ("GET", "/.well-known/{rest:path}"): "nothing is there",
    ("POST", "/token"): "asks for a code or a refresh token",
    ("POST", "/register"): "takes a client's word for itself, which opens nothing",
    ("POST", "/revoke"): "asks for the token",
}
# Pages of whoever is signed in, about nothing but their own.
OWN: set[Place] = {
    ("GET", "/consent"),
    ("POST", "/consent"),
    ("GET", "/welcome"),
    ("GET", "/sources"),
    ("GET", "/sources/new"),
    ("GET", "/sources/new/{kind}"),
    ("POST", "/sources/new/{kind}"),
    ("POST", "/sources/sample"),
    ("GET", "/playground"),
    ("POST", "/playground"),
    ("POST", "/playground/document"),
    ("GET", "/activity"),
    ("GET", "/servers"),
    ("GET", "/servers/new"),
    ("POST", "/servers/new"),
    ("GET", "/account"),
    ("POST", "/account/name"),
    ("POST", "/account/email"),
    ("POST", "/account/password"),
    ("POST", "/account/sessions/others"),
    ("GET", "/account/delete"),
    ("POST", "/account/delete"),
    ("POST", "/join"),
    ("POST", "/signout"),
}
# Pages of things that are one person's alone: for everybody else they are not there.
ONES_OWN: set[Place] = {
    ("GET", "/sources/{source_id}"),
    ("POST", "/sources/{source_id}"),
    ("POST", "/sources/{source_id}/check"),
    ("GET", "/sources/{source_id}/delete"),
    ("POST", "/sources/{source_id}/delete"),
    ("POST", "/account/sessions/{session_id}"),
    ("POST", "/account/agents/{grant_id}"),
}
# Pages at a server: whether a reader and a manager get in. The owner does, and for strangers they are not there.
EVERYBODY, EDITORS, OWNERS = (True, True), (False, True), (False, False)
AT_SERVERS: dict[Place, tuple[bool, bool]] = {
    ("GET", "/servers/{server_id}"): EVERYBODY,
    ("GET", "/servers/{server_id}/leave"): EVERYBODY,
    ("POST", "/servers/{server_id}/leave"): EVERYBODY,
    ("GET", "/servers/{server_id}/sources"): EVERYBODY,
    ("GET", "/servers/{server_id}/sources/choose"): OWNERS,
    ("POST", "/servers/{server_id}/sources/choose"): OWNERS,
    ("GET", "/servers/{server_id}/sources/{source_id}"): OWNERS,
    ("POST", "/servers/{server_id}/sources/{source_id}"): OWNERS,
    ("POST", "/servers/{server_id}/sources/{source_id}/switch"): EDITORS,
    ("GET", "/servers/{server_id}/agents"): EVERYBODY,
    ("POST", "/servers/{server_id}/agents/{grant_id}/disconnect"): EDITORS,
    ("GET", "/servers/{server_id}/members"): EDITORS,
    ("POST", "/servers/{server_id}/members/{user_id}/role"): OWNERS,
    ("POST", "/servers/{server_id}/members/{user_id}/remove"): OWNERS,
    ("POST", "/servers/{server_id}/invitations"): OWNERS,
    ("POST", "/servers/{server_id}/invitations/{invitation_id}/withdraw"): OWNERS,
    ("GET", "/servers/{server_id}/keys"): EDITORS,
    ("POST", "/servers/{server_id}/keys"): EDITORS,
    ("POST", "/servers/{server_id}/keys/{key_id}/revoke"): EDITORS,
    ("GET", "/servers/{server_id}/settings"): EDITORS,
    ("POST", "/servers/{server_id}/settings"): EDITORS,
    ("GET", "/servers/{server_id}/delete"): OWNERS,
    ("POST", "/servers/{server_id}/delete"): OWNERS,
}
# Pages of the operator alone.
OPERATORS: set[Place] = {
    ("GET", "/admin"),
    ("POST", "/admin/invitations"),
    ("POST", "/admin/invitations/{invitation_id}/withdraw"),
    ("POST", "/admin/accounts/{user_id}/reset"),
}

NAMES = {"kind": "customer_db"}
"""What stands in a path and is nobody's."""

CLOSED: set[Place] = {*OWN, *ONES_OWN, *AT_SERVERS, *OPERATORS}

# The cases that a gateway tells apart by path, and who gets what there.
AT_GATEWAYS = {
    "'/mcp'": "an agent with a token for this server: OPENS",
    "'/'": "anybody: that something is here, and where the portal is",
    "path if path in METADATA_PATHS": "anybody: addresses and scopes",
    "_": "nobody: nothing is there",
}
# What opens a server's /mcp.
OPENS = {
    "nothing": False,
    "garbage": False,
    "a key of the server": True,
    "a key that a manager made": True,
    "a key of another server": False,
    "a revoked key": False,
    "an expired key": False,
    "a key of a removed manager": False,
    "a token that the owner granted": True,
    "a token that a manager granted": True,
    "a token that a reader granted": True,
    "a token of another server": False,
    "a token that a stranger granted": False,
    "an expired token": False,
    "a token of a removed member": False,
    "a token of a deleted account": False,
    "a session of the owner": False,
    "a session of a reader": False,
    "a session of a stranger": False,
}


@pytest.fixture
async def house(sqlite_url: str, tmp_path: Path, clock: HandClock) -> AsyncIterator[Stand]:
    async with stand(settings_for(sqlite_url, tmp_path), registry(), clock) as running:
        yield running


@pytest.fixture
async def house_on_both(database_url: str, tmp_path: Path, clock: HandClock) -> AsyncIterator[Stand]:
    async with stand(settings_for(database_url, tmp_path), registry(), clock) as running:
        yield running


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def applications(house: Stand) -> list[Starlette]:
    """Everything with routes, inside whatever is wrapped around it."""
    waiting: list[Any] = [house.gatehouse.app]
    for one in waiting:
        if not isinstance(one, Starlette):
            inside = [value for value in vars(one).values() if callable(value) and not inspect.isroutine(value)]
            waiting += [value for value in inside if hasattr(value, "__dict__")]
    return [one for one in waiting if isinstance(one, Starlette)]


def pages(house: Stand) -> set[Place]:
    """Method and path of everything that the portal serves beside the API."""
    routes = [route for app in applications(house) for route in iter_route_contexts(app.routes)]
    served = {(method, str(route.path)) for route in routes for method in route.methods or ()}
    return {(method, path) for method, path in served if method != "HEAD" and not path.startswith("/api/v1/")}


async def test_every_page_and_endpoint_of_the_portal_has_its_place_here(house: Stand):
    tables = (ANYBODY, PROGRAMS, OWN, ONES_OWN, AT_SERVERS, OPERATORS)
    assert sum(len(table) for table in tables) == len({place for table in tables for place in table}), "one each"
    assert pages(house) == {place for table in tables for place in table}


def test_every_path_of_a_gateway_has_its_place_here():
    matches = [node for node in ast.walk(ast.parse(inspect.getsource(gateway.app))) if isinstance(node, ast.Match)]
    (choice,) = (match for match in matches if ast.unparse(match.subject) == "scope['path']")
    cases = {
        ast.unparse(case.pattern) + (f" if {ast.unparse(case.guard)}" if case.guard else "") for case in choice.cases
    }
    assert cases == AT_GATEWAYS.keys()


# At a gateway


async def credentials(house: Stand, clock: HandClock, mine: Owner) -> dict[str, str]:
    """One of everything in OPENS, for the owner's server."""
    server, ann = {"id": mine.ids["server_id"]}, mine.person
    bob = await house.person("bob")
    elsewhere = await house.server(bob)
    gone, deleted = [await joined(house, ann, server, "manager", name) for name in ("gone", "deleted")]
    held = {
        "nothing": "",
        "garbage": "gat_garbage",
        "a key of the server": await house.key(ann, server),
        "a key that a manager made": await house.key(mine.manager, server),
        "a key of another server": await house.key(bob, elsewhere),
        "a revoked key": await house.key(ann, server, name="revoked"),
        "an expired key": await house.key(ann, server, expires_at=(clock.now + timedelta(seconds=1)).isoformat()),
        "a key of a removed manager": await house.key(gone, server),
        "an expired token": await granted(house, ann, server, lasting=timedelta(seconds=1)),
    }
    granting = {"owner": ann, "manager": mine.manager, "reader": mine.reader, "stranger": bob}
    for who, person in granting.items():
        whose = f"the {who}" if who == "owner" else f"a {who}"
        held[f"a token that {whose} granted"] = await granted(house, person, server)
        if who != "manager":
            held[f"a session of {whose}"] = person.token
    held |= {
        "a token of another server": await granted(house, bob, elsewhere),
        "a token of a removed member": await granted(house, gone, server),
        "a token of a deleted account": await granted(house, deleted, server),
    }
    clock.forward(seconds=1)
    (revoked,) = (
        key for key in (await ann.http.get(f"/api/v1/mcp-servers/{server['id']}/keys")).json()["items"]
        if key["name"] == "revoked"
    )  # fmt: skip
    ends = (
        (ann, f"/api/v1/mcp-servers/{server['id']}/keys/{revoked['id']}"),
        (ann, f"/api/v1/mcp-servers/{server['id']}/members/{gone.id}"),
        (deleted, "/api/v1/me"),
    )
    for person, path in ends:
        assert (await person.http.delete(path)).status_code == 204
    return held


async def gateway_of(house: Stand, mine: Owner) -> str:
    """Base URL of the owner's server."""
    seen = (await mine.person.http.get(mine.path("/mcp-servers/{server_id}"))).json()
    return str(seen["url"]).removesuffix("/mcp")


async def test_only_what_was_made_for_a_server_opens_it(house_on_both: Stand, clock: HandClock):
    mine = await owner(house_on_both)
    held = await credentials(house_on_both, clock, mine)
    assert held.keys() == OPENS.keys()
    at = house_on_both.client(await gateway_of(house_on_both, mine))
    for name, token in held.items():
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        reply = await at.post("/mcp", json=initialize(), headers={**message(), **bearer})
        assert reply.status_code == (200 if OPENS[name] else 401), (name, reply.text)
        if not OPENS[name]:
            assert reply.headers["www-authenticate"].startswith('Bearer resource_metadata="')
            assert "canary" not in reply.text
        elsewhere: tuple[dict[str, Any], ...] = (
            {"params": {"access_token": token}},
            {"headers": {"Cookie": f"session={token}; access_token={token}"}},
            {"headers": {"X-Api-Key": token}},
        )
        for where in elsewhere:  # a token counts in one header only
            headers = {**message(), **where.get("headers", {})}
            reply = await at.post("/mcp", json=initialize(), headers=headers, params=where.get("params"))
            assert reply.status_code == 401, (name, where)


async def test_the_other_paths_of_a_gateway_tell_everybody_the_same(house: Stand, clock: HandClock):
    mine = await owner(house)
    held = await credentials(house, clock, mine)
    at = house.client(await gateway_of(house, mine))
    metadata = "/.well-known/oauth-protected-resource"
    for path in ("/", metadata, f"{metadata}/mcp", "/.well-known/other", "/api/v1/me", "/mcp/x"):
        for accept in ("application/json", "text/html"):
            told = {
                (reply.status_code, reply.text.replace(reply.headers["x-request-id"], ""))
                for reply in [
                    await at.get(path, headers={"Authorization": f"Bearer {token}", "Accept": accept})
                    for token in held.values()
                ]
            }
            assert len(told) == 1, path
            assert "canary" not in str(told)


async def test_a_domain_with_a_new_owner_knows_nothing_of_the_old_one(database_url: str, tmp_path: Path):
    settings = settings_for(database_url, tmp_path, mcp_gateway_url_pools="https://g1.example.com")
    async with stand(settings) as house:
        ann = await house.person("ann")
        first = await house.server(ann, name="o-canary")
        friend = await joined(house, ann, first, "manager")
        held = [await house.key(ann, first), await house.key(friend, first)]
        held += [await granted(house, person, first, "mcp:read", "mcp:write") for person in (ann, friend)]
        at = house.client("https://g1.example.com")
        for token in held:
            assert await _opens(at, token)
        await ann.http.delete(f"/api/v1/mcp-servers/{first['id']}")
        assert not any([await _opens(at, token) for token in held])
        bob = await house.person("bob")
        second = await house.server(bob)
        assert second["url"] == first["url"]
        assert not any([await _opens(at, token) for token in held])
        assert await _opens(at, await house.key(bob, second))
        assert (await friend.http.get(f"/api/v1/mcp-servers/{second['id']}")).status_code == 404
        assert (await bob.http.get(f"/api/v1/mcp-servers/{second['id']}/members")).json()["items"] == []
        assert "canary" not in (await bob.http.get("/api/v1/me/export")).text


async def _opens(at: httpx2.AsyncClient, token: str) -> bool:
    headers = {**message(), "Authorization": f"Bearer {token}"}
    return (await at.post("/mcp", json=initialize(), headers=headers)).status_code == 200


async def test_what_an_agent_may_change_follows_the_role_of_who_let_it_in(house: Stand):
    ann = await house.person("ann")
    server = await house.server(ann, [await house.sample(ann, allow_writes=True)])
    bob = await joined(house, ann, server, "reader")
    token = await granted(house, bob, server, "mcp:read", "mcp:write")
    assert not await _changes_something(house, server, token)
    for role, may in (("manager", True), ("reader", False)):
        await ann.http.patch(f"/api/v1/mcp-servers/{server['id']}/members/{bob.id}", json={"role": role})
        assert await _changes_something(house, server, token) is may


async def _changes_something(house: Stand, server: dict[str, Any], token: str) -> bool:
    """Whether an agent with this token gets a customer disabled."""
    arguments = {"name": f"{server['sources'][0]['key']}_disable_customer", "arguments": {"id": 1}}
    headers, body = request("2025-11-25", "tools/call", arguments)
    headers["Authorization"] = f"Bearer {token}"
    reply = await house.client().post(server["url"], json=body, headers=headers)
    return reply.status_code == 200 and reply_in(reply).get("result", {}).get("isError") is False


# At the portal


async def test_no_page_is_for_who_has_no_live_session_whatever_else_they_hold(house: Stand, clock: HandClock):
    mine = await owner(house)
    held = await credentials(house, clock, mine)
    over, deleted = await house.person("over"), await house.person("deleted")
    await over.http.post("/api/v1/signout")
    await deleted.http.delete("/api/v1/me")
    before = await everything(mine)
    useless = {name: token for name, token in held.items() if not name.startswith("a session")}
    useless |= {"a session that is over": over.token, "a session of a deleted account": deleted.token}
    for name, token in useless.items():
        for headers in ({"Cookie": f"session={token}"}, {"Authorization": f"Bearer {token}"}):
            for method, path in CLOSED:
                reply = await house.http.request(method, path.format(**mine.ids, **NAMES), headers=headers)
                to_sign_in = reply.status_code == 303 and reply.headers["location"].startswith("/signin")
                assert to_sign_in or reply.status_code in (401, 403), (name, method, path)
                assert "canary" not in reply.text
    assert await everything(mine) == before


async def test_nothing_that_somebody_holds_for_another_place_gets_a_token(house: Stand, clock: HandClock):
    mine = await owner(house)
    held = await credentials(house, clock, mine)
    before = await everything(mine)
    for name, token in held.items():
        headers = {"Cookie": f"session={token}", "Authorization": f"Bearer {token}"}
        forms = (
            {"grant_type": "authorization_code", "code": token, "code_verifier": "v" * 43, "client_id": "x"},
            {"grant_type": "refresh_token", "refresh_token": token, "client_id": "x"},
        )
        for form in forms:
            reply = await house.http.post("/token", data=form, headers=headers)
            assert reply.status_code in (400, 401), (name, reply.text)
            assert token not in reply.text or not token
        reply = await house.http.post("/revoke", data={"token": token, "client_id": "x"}, headers=headers)
        assert reply.status_code in (400, 401), (name, reply.text)
    assert await everything(mine) == before


async def test_strangers_find_no_page_of_what_is_not_theirs(house: Stand):
    mine = await owner(house)
    before = await everything(mine)
    bob = await house.person("bob")
    for place in {*ONES_OWN, *AT_SERVERS}:
        assert (await visit(house, mine, bob, place)).status_code == 404, place
    for place in OPERATORS:
        assert (await visit(house, mine, bob, place)).status_code == 403, place
    for place in OWN:
        if place[0] == "GET":
            assert "canary" not in (await visit(house, mine, bob, place)).text, place
    assert await everything(mine) == before


@pytest.mark.parametrize("role", ["reader", "manager"])
async def test_a_member_finds_the_pages_of_their_role(house: Stand, role: str):
    mine = await owner(house)
    before = await everything(mine)
    person = mine.reader if role == "reader" else mine.manager
    for place in ONES_OWN:
        assert (await visit(house, mine, person, place)).status_code == 404, place
    for place in OPERATORS:
        assert (await visit(house, mine, person, place)).status_code == 403, place
    for place, (reads, manages) in AT_SERVERS.items():
        served = reads if role == "reader" else manages
        if served and place[0] != "GET":
            continue  # what a form does is for the tests of the page
        reply = await visit(house, mine, person, place)
        assert reply.status_code == (200 if served else 403), (place, reply.text)
        assert "o-canary" not in reply.text, "a source's settings are its owner's"
    assert await everything(mine) == before


async def visit(house: Stand, mine: Owner, person: Person, place: Place) -> httpx2.Response:
    """A page about the owner's things in somebody else's browser; a form carries the token of their own session."""
    method, path = place
    sessions = (await person.http.get("/api/v1/me/sessions")).json()["items"]
    token = house.gatehouse.portal.signatures.sign("form", next(one["id"] for one in sessions if one["current"]))
    form = None if method == "GET" else {FORM_TOKEN: token}
    return await house.http.request(
        method, path.format(**mine.ids, **NAMES), data=form, headers={"Cookie": f"session={person.token}"}
    )


async def test_the_portal_answers_at_no_gateway_and_no_gateway_at_the_portal(house: Stand):
    mine = await owner(house)
    key = await house.key(mine.person, {"id": mine.ids["server_id"]})
    token = await granted(house, mine.person, {"id": mine.ids["server_id"]})
    at, before = await gateway_of(house, mine), await everything(mine)
    api = {(method, f"/api/v1{path}") for method, path in GUARDED}
    for bearer in (mine.person.token, key, token):
        http = house.client(at, Authorization=f"Bearer {bearer}", Cookie=f"session={bearer}")
        for method, path in (pages(house) | api) - {("GET", "/"), ("GET", "/.well-known/{rest:path}")}:
            reply = await http.request(method, path.format(**mine.ids, **NAMES))
            assert reply.status_code in (404, 405), (method, path)
        there = house.client(PORTAL, Authorization=f"Bearer {bearer}", Cookie=f"session={bearer}")
        reply = await there.post("/mcp", json=initialize(), headers=message())
        assert reply.status_code in (404, 415)
    assert await everything(mine) == before
