"""Sharing a server: invitations, what each role may do, and what ends when somebody leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

from database.models import ApiKey, Member, ServerInvitation
from errors import Forbidden
from portal.actions import members as actions
from tests.clock import HandClock
from tests.portal.dump import dump
from tests.portal.membership import granted, invite, joined
from tests.portal.vault import vault
from tests.stand import PASSWORD, Person, Stand, settings_for, stand

pytestmark = pytest.mark.anyio

Opened = Callable[[str], AbstractAsyncContextManager[tuple[Stand, Person, dict[str, Any]]]]


@pytest.fixture
def with_signup(database_url: str, tmp_path: Path, clock: HandClock) -> Opened:
    """A Gatehouse of this sign-up mode, an account, and its server."""

    @asynccontextmanager
    async def opened(mode: str) -> AsyncIterator[tuple[Stand, Person, dict[str, Any]]]:
        async with stand(settings_for(database_url, tmp_path, signup="open"), clock=clock) as gatehouse:
            ann = await gatehouse.person("ann")
            server = await gatehouse.server(ann)
        async with stand(settings_for(database_url, tmp_path, signup=mode), clock=clock) as gatehouse:
            http = gatehouse.client(Authorization=f"Bearer {ann.token}")
            yield gatehouse, Person(ann.id, ann.email, ann.token, http), server

    return opened


async def accept(person: Person, made: dict[str, Any]):
    return await person.http.post("/api/v1/invitations/accept", json={"token": made["token"]})


async def sign_up(gatehouse: Stand, email: str, token: str):
    body = {"email": email, "password": PASSWORD, "name": "New", "invitation": token}
    return await gatehouse.http.post("/api/v1/signup", json=body)


def url_of(server: dict[str, Any]) -> str:
    return f"/api/v1/mcp-servers/{server['id']}"


async def items(person: Person, path: str) -> list[dict[str, Any]]:
    reply = await person.http.get(path)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["items"]
    return found


async def count(gatehouse: Stand, model: type[Any]) -> int:
    async with gatehouse.gatehouse.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def enters(gatehouse: Stand, server: dict[str, Any], key: str) -> bool:
    """Whether a key or a token opens the gateway."""
    reply = await gatehouse.client().post(server["url"], json={}, headers={"Authorization": f"Bearer {key}"})
    return reply.status_code not in (401, 404)


# Inviting and joining


async def test_a_link_that_is_shown_once_makes_its_addressee_a_member(gatehouse_on_both: Stand):
    ann, bob = await gatehouse_on_both.person("ann"), await gatehouse_on_both.person("bob")
    server = await gatehouse_on_both.server(ann, name="Shared")
    made = await invite(ann, server, bob.email.upper(), "manager")
    link = urlsplit(made["url"])
    assert (link.netloc, link.path, parse_qs(link.query)) == ("localhost:8000", "/join", {"token": [made["token"]]})
    (listed,) = await items(ann, f"{url_of(server)}/invitations")
    assert listed == {name: value for name, value in made.items() if name not in ("url", "token")}
    assert await items(bob, "/api/v1/mcp-servers") == []

    reply = await accept(bob, made)
    assert reply.status_code == 200
    assert (reply.json()["id"], reply.json()["role"], reply.json()["owner_name"]) == (server["id"], "manager", "ann")
    assert await items(bob, "/api/v1/mcp-servers") == [reply.json()]
    (member,) = await items(ann, f"{url_of(server)}/members")
    assert (member["user_id"], member["name"], member["email"], member["role"]) == (
        bob.id, "bob", bob.email, "manager",
    )  # fmt: skip
    assert await items(ann, f"{url_of(server)}/invitations") == []
    assert (await accept(bob, made)).status_code == 403


async def test_a_link_is_worth_nothing_to_an_account_with_another_address(gatehouse: Stand):
    ann, bob, eve = [await gatehouse.person(name) for name in ("ann", "bob", "eve")]
    server = await gatehouse.server(ann)
    made = await invite(ann, server, bob.email)
    refused = await accept(eve, made)
    assert refused.status_code == 403
    assert "another e-mail address" in refused.json()["detail"]
    assert bob.email not in refused.text
    assert await items(eve, "/api/v1/mcp-servers") == []
    assert (await accept(bob, made)).status_code == 200, "the attempt did not use it up"


async def test_of_twenty_who_accept_at_once_one_succeeds(gatehouse_on_both: Stand):
    ann, bob = await gatehouse_on_both.person("ann"), await gatehouse_on_both.person("bob")
    server = await gatehouse_on_both.server(ann)
    made = await invite(ann, server, bob.email)
    replies = await asyncio.gather(*(accept(bob, made) for _ in range(20)))
    assert sorted(reply.status_code for reply in replies) == [200] + [403] * 19
    assert await count(gatehouse_on_both, Member) == 1


async def test_an_invitation_lasts_seven_days(vaults: Stand, clock: HandClock):
    ann = await vaults.person("ann")
    server = await vaults.server(ann)
    early, late = [f"{name}@example.com" for name in ("early", "late")]
    tokens = {email: (await invite(ann, server, email))["token"] for email in (early, late)}
    clock.forward(days=6, hours=23)
    assert (await sign_up(vaults, early, tokens[early])).status_code == 201
    clock.forward(hours=1)
    assert (await sign_up(vaults, late, tokens[late])).status_code == 403
    with pytest.raises(Forbidden):
        await vaults.gatehouse.portal.members.look(tokens[late])


async def test_old_invitations_are_swept_when_the_next_one_is_made(vaults: Stand, clock: HandClock):
    ann = await vaults.person("ann")
    server = await vaults.server(ann)
    await invite(ann, server, "canary@example.com")
    clock.forward(days=8)
    body = {"email": ann.email, "password": PASSWORD}
    token = (await vaults.http.post("/api/v1/signin", json=body)).json()["access_token"]
    ann.http.headers["Authorization"] = f"Bearer {token}"
    await invite(ann, server, "other@example.com")
    assert "canary@example.com" not in await dump(vaults)


async def test_a_second_invitation_for_an_address_replaces_the_first(gatehouse_on_both: Stand):
    ann, bob = await gatehouse_on_both.person("ann"), await gatehouse_on_both.person("bob")
    server = await gatehouse_on_both.server(ann)
    first = await invite(ann, server, bob.email, "reader")
    second = await invite(ann, server, bob.email.upper(), "manager")
    assert [item["id"] for item in await items(ann, f"{url_of(server)}/invitations")] == [second["id"]]
    assert (await accept(bob, first)).status_code == 403
    assert (await accept(bob, second)).json()["role"] == "manager"


async def test_of_ten_invitations_for_one_address_made_at_once_one_is_open(gatehouse_on_both: Stand):
    ann, bob = await gatehouse_on_both.person("ann"), await gatehouse_on_both.person("bob")
    server = await gatehouse_on_both.server(ann)
    made = await asyncio.gather(*(invite(ann, server, bob.email) for _ in range(10)))
    assert len(await items(ann, f"{url_of(server)}/invitations")) == 1
    assert sorted([(await accept(bob, one)).status_code for one in made]) == [200] + [403] * 9


async def test_a_revoked_invitation_is_worth_nothing(gatehouse: Stand):
    ann, bob = await gatehouse.person("ann"), await gatehouse.person("bob")
    server = await gatehouse.server(ann)
    made = await invite(ann, server, bob.email)
    path = f"{url_of(server)}/invitations/{made['id']}"
    assert [(await ann.http.delete(path)).status_code for _ in range(2)] == [204, 404]
    assert (await accept(bob, made)).status_code == 403


async def test_who_has_a_part_in_a_server_is_not_invited(gatehouse: Stand):
    ann = await gatehouse.person("ann")
    server = await gatehouse.server(ann)
    bob = await joined(gatehouse, ann, server)
    for email in (ann.email, bob.email):
        body = {"email": email, "role": "manager"}
        assert (await ann.http.post(f"{url_of(server)}/invitations", json=body)).status_code == 409


async def test_who_came_to_have_a_part_in_the_meantime_keeps_it_and_the_link_stays_good(gatehouse: Stand):
    ann = await gatehouse.person("ann")
    server = await gatehouse.server(ann)
    bob = await joined(gatehouse, ann, server, "manager")
    made = await invite(ann, server, "other@example.com", "reader")
    for person in (ann, bob):
        change = {"password": PASSWORD, "email": "other@example.com"}
        assert (await person.http.post("/api/v1/me/email", json=change)).status_code == 200
        assert (await accept(person, made)).status_code == 409
        await person.http.post("/api/v1/me/email", json={**change, "email": person.email})
    assert (await bob.http.get(url_of(server))).json()["role"] == "manager"
    assert len(await items(ann, f"{url_of(server)}/invitations")) == 1


async def test_members_and_open_invitations_are_limited_together(gatehouse: Stand, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(actions, "_MOST", 3)
    ann = await gatehouse.person("ann")
    server = await gatehouse.server(ann)
    bob = await joined(gatehouse, ann, server)
    for number in range(2):
        await invite(ann, server, f"{number}@example.com")
    one_more = {"email": "2@example.com", "role": "reader"}
    assert (await ann.http.post(f"{url_of(server)}/invitations", json=one_more)).status_code == 409
    await invite(ann, server, "1@example.com", "manager")
    await ann.http.delete(f"{url_of(server)}/members/{bob.id}")
    assert (await ann.http.post(f"{url_of(server)}/invitations", json=one_more)).status_code == 201


async def test_looking_at_a_link_tells_what_it_offers_and_does_not_use_it_up(gatehouse: Stand):
    ann, bob = await gatehouse.person("ann"), await gatehouse.person("bob")
    server = await gatehouse.server(ann, name="Shared")
    made = await invite(ann, server, bob.email, "manager")
    for _ in range(3):
        offer = await gatehouse.gatehouse.portal.members.look(made["token"])
        assert (offer.server_name, offer.owner_name, offer.role, offer.email) == ("Shared", "ann", "manager", bob.email)
    assert (await accept(bob, made)).status_code == 200
    with pytest.raises(Forbidden):
        await gatehouse.gatehouse.portal.members.look(made["token"])


async def test_only_the_hash_of_a_link_is_kept(gatehouse: Stand):
    ann = await gatehouse.person("ann")
    made = await invite(ann, await gatehouse.server(ann), "canary@example.com")
    kept = await dump(gatehouse)
    assert "canary@example.com" in kept
    assert made["token"] not in kept


# Signing up with an invitation to a server


@pytest.mark.parametrize("mode", ["invite", "open"])
async def test_an_invitation_to_a_server_lets_its_addressee_sign_up_and_joins_them(with_signup: Opened, mode: str):
    async with with_signup(mode) as (gatehouse, ann, server):
        made = await invite(ann, server, "new@example.com", "manager")
        reply = await sign_up(gatehouse, "New@Example.com", made["token"])
        assert (reply.status_code, reply.json().get("is_operator")) == (201, False)
        (member,) = await items(ann, f"{url_of(server)}/members")
        assert (member["user_id"], member["role"]) == (reply.json()["id"], "manager")
        assert (await sign_up(gatehouse, "new2@example.com", made["token"])).status_code == 403


async def test_an_invitation_to_a_server_makes_no_account_with_another_address(with_signup: Opened):
    async with with_signup("invite") as (gatehouse, ann, server):
        made = await invite(ann, server, "new@example.com")
        refused = await sign_up(gatehouse, "other@example.com", made["token"])
        assert refused.status_code == 403
        assert "another e-mail address" in refused.json()["detail"]
        body = {"email": "other@example.com", "password": PASSWORD}
        assert (await gatehouse.http.post("/api/v1/signin", json=body)).status_code == 401
        assert (await sign_up(gatehouse, "new@example.com", made["token"])).status_code == 201, "it is still good"


async def test_an_invitation_to_a_server_opens_no_installation_that_is_closed(with_signup: Opened):
    async with with_signup("closed") as (gatehouse, ann, server):
        made = await invite(ann, server, "new@example.com")
        assert (await sign_up(gatehouse, "new@example.com", made["token"])).status_code == 403


async def test_of_twenty_who_sign_up_with_one_invitation_at_once_one_joins(with_signup: Opened):
    async with with_signup("invite") as (gatehouse, ann, server):
        made = await invite(ann, server, "new@example.com")
        replies = await asyncio.gather(*(sign_up(gatehouse, "new@example.com", made["token"]) for _ in range(20)))
        statuses = [reply.status_code for reply in replies]
        assert statuses.count(201) == 1
        assert set(statuses) <= {201, 403, 409}
        assert await count(gatehouse, Member) == 1


# What members may do


async def test_a_manager_changes_what_is_theirs_to_change_and_nothing_else(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person("ann")
    source, other = [await gatehouse_on_both.sample(ann, name=name) for name in ("One", "Two")]
    server = await gatehouse_on_both.server(ann, [source], access="public", results=7, deadline_ms=900)
    bob = await joined(gatehouse_on_both, ann, server, "manager")
    body = {
        "name": "New", "instructions": "Be kind", "source_ids": [source["id"]],
        "access": "public", "results": 7, "deadline_ms": 900,
    }  # fmt: skip
    changed = await bob.http.put(url_of(server), json=body)
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["instructions"]) == ("New", "Be kind")
    changes: tuple[dict[str, Any], ...] = (
        {"source_ids": []}, {"source_ids": [source["id"], other["id"]]}, {"access": "oauth"}, {"results": 8},
        {"deadline_ms": None}, {"rerank": True},
    )  # fmt: skip
    for change in changes:
        refused = await bob.http.put(url_of(server), json={**body, **change, "name": "Newer"})
        assert refused.status_code == 403, change
        assert next(iter(change)) in refused.json()["detail"]
    assert (await ann.http.get(url_of(server))).json()["name"] == "New"


async def test_a_manager_cannot_bring_in_sources_of_their_own(gatehouse: Stand):
    ann = await gatehouse.person("ann")
    server = await gatehouse.server(ann)
    bob = await joined(gatehouse, ann, server, "manager")
    source = await gatehouse.sample(bob)
    body = {"name": "Mine", "source_ids": [source["id"]]}
    assert (await bob.http.put(url_of(server), json=body)).status_code == 403
    assert (await ann.http.put(url_of(server), json=body)).status_code == 404, "nor can the owner take them"


async def test_a_manager_switches_sources_but_their_budgets_and_tools_are_the_owners(gatehouse: Stand):
    ann = await gatehouse.person("ann")
    source = await gatehouse.sample(ann)
    server = await gatehouse.server(ann, [source])
    bob = await joined(gatehouse, ann, server, "manager")
    path = f"{url_of(server)}/sources/{source['id']}"
    off = await bob.http.patch(path, json={"enabled": False, "budget_ms": None, "exposed_tools": None})
    assert (off.status_code, off.json()["sources"][0]["enabled"]) == (200, False)
    changes: tuple[dict[str, Any], ...] = ({"budget_ms": 900}, {"exposed_tools": []})
    for change in changes:
        assert (await bob.http.patch(path, json=change)).status_code == 403


async def test_members_see_that_a_source_is_there_and_nothing_of_how_it_is_reached(vaults: Stand):
    ann = await vaults.person("ann")
    source = (await ann.http.post("/api/v1/sources", json=vault(address="a-canary", owner="o-canary"))).json()
    server = await vaults.server(ann, [source])
    for role in ("reader", "manager"):
        member = await joined(vaults, ann, server, role)
        seen = await member.http.get(url_of(server))
        assert [use["name"] for use in seen.json()["sources"]] == ["Vault"]
        everything = seen.text + (await member.http.get("/api/v1/me/export")).text
        assert "canary" not in everything
        assert await items(member, "/api/v1/sources") == []


async def test_a_reader_tries_the_server_out_as_an_agent_would(vaults: Stand):
    ann = await vaults.person("ann")
    server = await vaults.server(ann, [(await ann.http.post("/api/v1/sources", json=vault())).json()])
    bob = await joined(vaults, ann, server)
    found = (await bob.http.post(f"{url_of(server)}/search", json={"query": "gold"})).json()
    assert [hit["title"] for hit in found["results"]] == ["A treasure"]
    assert found["reused"] == []
    fetched = await bob.http.post(f"{url_of(server)}/fetch", json={"id": found["results"][0]["id"]})
    assert fetched.status_code == 200


async def test_ones_own_servers_and_shared_ones_are_one_list(gatehouse: Stand):
    ann = await gatehouse.person("ann")
    shared = await gatehouse.server(ann, name="Shared")
    bob = await joined(gatehouse, ann, shared)
    own = await gatehouse.server(bob, name="Own")
    first = (await bob.http.get("/api/v1/mcp-servers", params={"limit": 1})).json()
    second = (await bob.http.get("/api/v1/mcp-servers", params={"limit": 1, "cursor": first["next"]})).json()
    listed = [(item["id"], item["role"], item["owner_name"]) for page in (first, second) for item in page["items"]]
    assert listed == [(own["id"], "owner", "member"), (shared["id"], "reader", "ann")]
    assert second["next"] is None


async def test_members_are_listed_in_pages_and_a_role_that_is_none_is_refused(gatehouse: Stand):
    ann = await gatehouse.person("ann")
    server = await gatehouse.server(ann)
    people = [await joined(gatehouse, ann, server, name=name) for name in ("bob", "eve", "joe")]
    path, cursor = f"{url_of(server)}/members", None
    seen: list[str] = []
    while len(seen) < 3:
        page = (await ann.http.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [item["user_id"] for item in page["items"]]
        cursor = page["next"]
    assert cursor is None
    assert seen == [person.id for person in reversed(people)]
    for role in ("owner", "", "Reader"):
        assert (await ann.http.patch(f"{path}/{people[0].id}", json={"role": role})).status_code == 422
        body = {"email": "x@example.com", "role": role}
        assert (await ann.http.post(f"{url_of(server)}/invitations", json=body)).status_code == 422


# Leaving


async def test_who_is_removed_finds_nothing_any_longer_and_their_keys_stop(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person("ann")
    server = await gatehouse_on_both.server(ann)
    bob = await joined(gatehouse_on_both, ann, server, "manager")
    his, hers = await gatehouse_on_both.key(bob, server), await gatehouse_on_both.key(ann, server)
    assert await enters(gatehouse_on_both, server, his)
    path = f"{url_of(server)}/members/{bob.id}"
    assert [(await ann.http.delete(path)).status_code for _ in range(2)] == [204, 404]
    assert not await enters(gatehouse_on_both, server, his)
    assert await enters(gatehouse_on_both, server, hers)
    assert (await bob.http.get(url_of(server))).status_code == 404
    assert await items(bob, "/api/v1/mcp-servers") == []
    assert len(await items(ann, f"{url_of(server)}/keys")) == 1


@pytest.mark.parametrize("ending", ["removed", "left", "deleted"])
async def test_the_agents_of_who_goes_stop_at_once_and_those_of_others_go_on(gatehouse_on_both: Stand, ending: str):
    ann = await gatehouse_on_both.person("ann")
    server = await gatehouse_on_both.server(ann)
    bob, eve = [await joined(gatehouse_on_both, ann, server, name=name) for name in ("bob", "eve")]
    own = await gatehouse_on_both.server(bob)
    stops = await granted(gatehouse_on_both, bob, server)
    goes_on = {await granted(gatehouse_on_both, person, server) for person in (ann, eve)}
    assert all([await enters(gatehouse_on_both, server, token) for token in {stops, *goes_on}])
    ends = {
        "removed": (ann, f"{url_of(server)}/members/{bob.id}"),
        "left": (bob, f"{url_of(server)}/members/{bob.id}"),
        "deleted": (bob, "/api/v1/me"),
    }
    at_home = await granted(gatehouse_on_both, bob, own)
    person, path = ends[ending]
    assert (await person.http.delete(path)).status_code == 204
    assert not await enters(gatehouse_on_both, server, stops)
    assert all([await enters(gatehouse_on_both, server, token) for token in goes_on])
    assert await enters(gatehouse_on_both, own, at_home) is (ending != "deleted")
    if ending != "deleted":
        made = await invite(ann, server, bob.email)
        assert (await accept(bob, made)).status_code == 200
        gatehouse_on_both.gatehouse.agent_tokens.forget()  # that it was refused is remembered for a second
        assert not await enters(gatehouse_on_both, server, stops), "and joining again does not bring it back"


async def test_a_member_may_leave_but_the_owner_cannot(gatehouse: Stand):
    ann = await gatehouse.person("ann")
    server = await gatehouse.server(ann)
    bob = await joined(gatehouse, ann, server)
    assert (await bob.http.delete(f"{url_of(server)}/members/{bob.id}")).status_code == 204
    assert (await bob.http.get(url_of(server))).status_code == 404
    assert (await ann.http.delete(f"{url_of(server)}/members/{ann.id}")).status_code == 404


async def test_a_manager_who_becomes_a_reader_loses_their_keys(gatehouse: Stand):
    ann = await gatehouse.person("ann")
    server = await gatehouse.server(ann)
    bob = await joined(gatehouse, ann, server, "manager")
    key = await gatehouse.key(bob, server)
    path = f"{url_of(server)}/members/{bob.id}"
    assert (await ann.http.patch(path, json={"role": "manager"})).json()["role"] == "manager"
    assert await enters(gatehouse, server, key)
    assert (await ann.http.patch(path, json={"role": "reader"})).json()["role"] == "reader"
    assert not await enters(gatehouse, server, key)
    assert (await bob.http.post(f"{url_of(server)}/keys", json={"name": "x"})).status_code == 403


async def test_a_key_that_is_made_while_its_maker_is_removed_does_not_live_on(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person("ann")
    server = await gatehouse_on_both.server(ann)
    bob = await joined(gatehouse_on_both, ann, server, "manager")
    make = [bob.http.post(f"{url_of(server)}/keys", json={"name": "x"}) for _ in range(8)]
    replies = await asyncio.gather(*make[:4], ann.http.delete(f"{url_of(server)}/members/{bob.id}"), *make[4:])
    assert {reply.status_code for reply in replies} <= {201, 204, 404}
    async with gatehouse_on_both.gatehouse.database.reading() as session:
        assert (await session.scalars(select(ApiKey).where(ApiKey.revoked_at.is_(None)))).all() == []


async def test_with_a_server_its_members_and_invitations_are_gone(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person("ann")
    server = await gatehouse_on_both.server(ann)
    bob = await joined(gatehouse_on_both, ann, server, "manager")
    made = await invite(ann, server, "new@example.com")
    assert (await ann.http.delete(url_of(server))).status_code == 204
    assert (await bob.http.get(url_of(server))).status_code == 404
    assert (await sign_up(gatehouse_on_both, "new@example.com", made["token"])).status_code == 403
    assert await count(gatehouse_on_both, Member) == await count(gatehouse_on_both, ServerInvitation) == 0


async def test_when_an_owner_goes_so_do_the_members_of_their_servers(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person("ann")
    server = await gatehouse_on_both.server(ann)
    bob = await joined(gatehouse_on_both, ann, server)
    await invite(ann, server, "canary@example.com")
    assert (await ann.http.delete("/api/v1/me")).status_code == 204
    assert (await bob.http.get(url_of(server))).status_code == 404
    assert await items(bob, "/api/v1/mcp-servers") == []
    assert await count(gatehouse_on_both, Member) == 0
    assert "canary@example.com" not in await dump(gatehouse_on_both)


async def test_when_a_member_goes_their_place_and_their_keys_go_with_them(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person("ann")
    first, second = [await gatehouse_on_both.server(ann, name=name) for name in ("One", "Two")]
    bob = await joined(gatehouse_on_both, ann, first, "manager", "canary-bob")
    key = await gatehouse_on_both.key(bob, first)
    await invite(ann, second, bob.email)
    assert await enters(gatehouse_on_both, first, key)
    assert (await bob.http.delete("/api/v1/me")).status_code == 204
    assert not await enters(gatehouse_on_both, first, key)
    assert await items(ann, f"{url_of(first)}/members") == []
    await gatehouse_on_both.gatehouse.audit.flush()
    assert "canary-bob" not in await dump(gatehouse_on_both)


# The trail


async def test_the_owner_reads_what_members_did_and_members_what_concerned_them(gatehouse: Stand):
    ann = await gatehouse.person("ann")
    server = await gatehouse.server(ann)
    bob = await joined(gatehouse, ann, server, "manager")
    eve = await joined(gatehouse, ann, server)
    made = await invite(ann, server, "new@example.com")
    await ann.http.delete(f"{url_of(server)}/invitations/{made['id']}")
    await gatehouse.key(bob, server)
    await bob.http.put(url_of(server), json={"name": "New", "source_ids": []})
    await ann.http.patch(f"{url_of(server)}/members/{bob.id}", json={"role": "reader"})
    await ann.http.delete(f"{url_of(server)}/members/{bob.id}")
    await eve.http.delete(f"{url_of(server)}/members/{eve.id}")

    async def trail(person: Person) -> list[tuple[str, str]]:
        rows = await items(person, f"/api/v1/activity?server_id={server['id']}")
        return [(row["action"], row["actor_id"]) for row in reversed(rows)]

    invited, joined_ = ("member.invited", ann.id), "member.joined"
    assert await trail(ann) == [
        ("server.created", ann.id), invited, (joined_, bob.id), invited, (joined_, eve.id), invited,
        ("invitation.revoked", ann.id), ("key.created", bob.id), ("server.changed", bob.id),
        ("member.role_changed", ann.id), ("member.removed", ann.id), ("member.left", eve.id),
    ]  # fmt: skip
    assert await trail(bob) == [
        (joined_, bob.id), ("key.created", bob.id), ("server.changed", bob.id), ("member.role_changed", ann.id),
        ("member.removed", ann.id),
    ]  # fmt: skip
    assert await trail(eve) == [(joined_, eve.id), ("member.left", eve.id)]
    removed = next(row for row in await items(bob, "/api/v1/activity") if row["action"] == "member.removed")
    assert (removed["target"], removed["address"], removed["agent"]) == (bob.id, None, None), "not where she did it"
    rows = await items(ann, "/api/v1/activity")
    assert all(row["address"] == "198.51.100.7" for row in rows if row["server_id"])


async def test_joining_at_sign_up_is_told_to_both(with_signup: Opened):
    async with with_signup("invite") as (gatehouse, ann, server):
        made = await invite(ann, server, "new@example.com")
        new = (await sign_up(gatehouse, "new@example.com", made["token"])).json()
        await gatehouse.gatehouse.audit.flush()
        (event,) = await items(ann, "/api/v1/activity?action=member.joined")
        assert (event["actor_id"], event["target"], event["server_id"]) == (new["id"], new["id"], server["id"])
