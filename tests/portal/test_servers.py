"""MCP servers, the domains they hold, and their keys."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from auth.passwords import Passwords
from config import Settings
from database.models import DomainAssignment, User
from repositories.domains import Domains
from tests.clock import HandClock
from tests.portal.membership import joined
from tests.stand import Person, Stand, settings_for, stand

pytestmark = pytest.mark.anyio

POOL = "https://g3.example.com,https://g1.example.com,https://g2.example.com"
EXHAUSTED = "No available domains in MCP_GATEWAY_URL_POOLS"


def pooled(database_url: str, folder: Path, pool: str = POOL, **changes: Any) -> Settings:
    return settings_for(database_url, folder, mcp_gateway_url_pools=pool, **changes)


async def make(person: Person, **more: Any):
    return await person.http.post("/api/v1/mcp-servers", json={"name": "Mine", "source_ids": [], **more})


async def test_a_server_is_answered_with_its_place_and_its_defaults(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    source = await gatehouse_on_both.sample(ann)
    reply = await make(ann, source_ids=[source["id"]])
    assert reply.status_code == 201
    made = reply.json()
    assert (made["domain"], made["url"]) == ("localhost:8001", "http://localhost:8001/mcp")
    assert made["domain_status"] == "serving"
    assert (made["access"], made["results"], made["rerank"]) == ("oauth", 20, False)
    assert (made["instructions"], made["deadline_ms"]) == (None, None)
    assert made["source_ids"] == [source["id"]]
    named = {"source_id": source["id"], "key": source["key"], "name": source["name"], "type": source["type"]}
    assert made["sources"] == [{**named, "enabled": True, "budget_ms": None, "exposed_tools": None}]
    assert (made["role"], made["owner_name"]) == ("owner", "ann")
    assert (await ann.http.get(f"/api/v1/mcp-servers/{made['id']}")).json() == made
    assert (await ann.http.get("/api/v1/mcp-servers")).json() == {"items": [made], "next": None}


async def test_a_replacement_puts_defaults_back_but_keeps_how_sources_are_used(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    kept, gone, new = [await gatehouse_on_both.sample(ann) for _ in range(3)]
    made = (await make(ann, source_ids=[kept["id"], gone["id"]], instructions="x", results=7, access="public")).json()
    url = f"/api/v1/mcp-servers/{made['id']}"
    patch = {"enabled": False, "budget_ms": 900, "exposed_tools": ["get_customer"]}
    assert (await ann.http.patch(f"{url}/sources/{kept['id']}", json=patch)).status_code == 200
    replaced = (await ann.http.put(url, json={"name": "New", "source_ids": [kept["id"], new["id"]]})).json()
    assert (replaced["instructions"], replaced["results"], replaced["access"]) == (None, 20, "oauth")
    assert replaced["domain"] == made["domain"]
    uses = {use["source_id"]: use for use in replaced["sources"]}
    assert set(uses) == {kept["id"], new["id"]}
    named = {"source_id": kept["id"], "key": kept["key"], "name": kept["name"], "type": kept["type"]}
    assert uses[kept["id"]] == {**named, **patch}
    assert uses[new["id"]]["enabled"] is True


async def test_a_patch_changes_only_what_it_gives_and_null_is_the_default(gatehouse: Stand):
    ann = await gatehouse.person()
    source = await gatehouse.sample(ann)
    server = await gatehouse.server(ann, [source])
    url = f"/api/v1/mcp-servers/{server['id']}/sources/{source['id']}"

    async def use(**patch: Any) -> dict[str, Any]:
        reply = await ann.http.patch(url, json=patch)
        assert reply.status_code == 200, reply.text
        (one,) = reply.json()["sources"]
        return {name: one[name] for name in ("enabled", "budget_ms", "exposed_tools")}

    assert await use(budget_ms=500) == {"enabled": True, "budget_ms": 500, "exposed_tools": None}
    assert await use(enabled=False) == {"enabled": False, "budget_ms": 500, "exposed_tools": None}
    assert await use(exposed_tools=[]) == {"enabled": False, "budget_ms": 500, "exposed_tools": []}
    assert await use() == {"enabled": False, "budget_ms": 500, "exposed_tools": []}
    assert await use(enabled=None, budget_ms=None, exposed_tools=None) == {
        "enabled": True, "budget_ms": None, "exposed_tools": None,
    }  # fmt: skip
    unknown = await ann.http.patch(url, json={"exposed_tools": ["drop_table"]})
    assert unknown.status_code == 422
    assert "It offers: " in unknown.json()["errors"][0]["message"]


async def test_a_source_of_somebody_else_is_not_there(gatehouse: Stand):
    ann, bob = await gatehouse.person("ann"), await gatehouse.person("bob")
    source, own = await gatehouse.sample(bob), await gatehouse.sample(ann)
    assert (await make(ann, source_ids=[source["id"]])).status_code == 404
    server = await gatehouse.server(ann, [own])
    body = {"name": "x", "source_ids": [own["id"], source["id"]]}
    assert (await ann.http.put(f"/api/v1/mcp-servers/{server['id']}", json=body)).status_code == 404
    assert (await ann.http.get(f"/api/v1/mcp-servers/{server['id']}")).json()["source_ids"] == [own["id"]]
    patch = await ann.http.patch(f"/api/v1/mcp-servers/{server['id']}/sources/{source['id']}", json={})
    assert patch.status_code == 404


async def test_domains_are_given_out_in_the_pools_order_until_none_is_left(database_url: str, tmp_path: Path):
    async with stand(pooled(database_url, tmp_path)) as gatehouse:
        people = [await gatehouse.person(f"p{number}") for number in range(4)]
        made = [await make(person) for person in people]
        assert [reply.json()["domain"] for reply in made[:3]] == ["g3.example.com", "g1.example.com", "g2.example.com"]
        assert made[3].status_code == 409
        assert made[3].json()["detail"] == EXHAUSTED
        assert made[3].json()["type"] == "urn:gatehouse:pool_exhausted"
        assert (await people[3].http.get("/api/v1/mcp-servers")).json()["items"] == [], "nothing is left half made"
        await people[1].http.delete(f"/api/v1/mcp-servers/{made[1].json()['id']}")
        assert (await make(people[3])).json()["domain"] == "g1.example.com"


async def test_a_released_domain_goes_back_to_its_account_at_once_and_to_others_after_the_quarantine(
    database_url: str, tmp_path: Path, clock: HandClock
):
    settings = pooled(database_url, tmp_path, "https://g1.example.com", domain_quarantine=timedelta(days=30))
    async with stand(settings, clock=clock) as gatehouse:
        ann, bob = await gatehouse.person("ann"), await gatehouse.person("bob")

        async def renew() -> None:
            for person in (ann, bob):
                body = {"email": person.email, "password": "correct horse battery staple"}
                token = (await gatehouse.http.post("/api/v1/signin", json=body)).json()["access_token"]
                person.http.headers["Authorization"] = f"Bearer {token}"

        first = (await make(ann)).json()
        await ann.http.delete(f"/api/v1/mcp-servers/{first['id']}")
        assert (await make(bob)).status_code == 409
        second = (await make(ann)).json()
        assert second["domain"] == "g1.example.com"
        await ann.http.delete(f"/api/v1/mcp-servers/{second['id']}")
        clock.forward(days=29, hours=23)
        await renew()
        assert (await make(bob)).json()["detail"] == EXHAUSTED
        clock.forward(hours=1)
        third = (await make(bob)).json()
        assert third["domain"] == "g1.example.com"
        await bob.http.delete(f"/api/v1/mcp-servers/{third['id']}")
        assert (await make(ann)).status_code == 409, "an earlier owner waits like everybody else"


async def test_each_assignment_of_a_domain_has_an_id_of_its_own(gatehouse: Stand):
    ann = await gatehouse.person()
    for _ in range(3):
        server = await gatehouse.server(ann)
        await ann.http.delete(f"/api/v1/mcp-servers/{server['id']}")
    async with gatehouse.gatehouse.database.reading() as session:
        rows = (await session.scalars(select(DomainAssignment))).all()
    assert {row.domain for row in rows} == {"localhost:8001"}
    assert len({row.id for row in rows}) == 3
    assert all(row.released_at is not None for row in rows)


async def test_200_claims_at_once_never_give_one_domain_twice(database_url: str, tmp_path: Path):
    """Two processes' worth of them, for 50 domains."""
    pool = ",".join(f"https://g{number}.example.com" for number in range(50))
    settings = pooled(database_url, tmp_path, pool, servers_per_account=200, rate_limits=False)
    async with stand(settings) as one, stand(settings) as other:
        people = [await one.person(f"p{number}") for number in range(10)]
        clients = [at.client(Authorization=f"Bearer {person.token}") for person in people for at in (one, other)]
        body = {"name": "Mine", "source_ids": []}
        replies = await asyncio.gather(
            *(client.post("/api/v1/mcp-servers", json=body) for client in clients for _ in range(10))
        )
        assert Counter(reply.status_code for reply in replies) == {201: 50, 409: 150}
        assert len({reply.json()["domain"] for reply in replies if reply.status_code == 201}) == 50
        assert {reply.json()["detail"] for reply in replies if reply.status_code == 409} == {EXHAUSTED}
        async with one.gatehouse.database.reading() as session:
            assert len(await Domains(session).list_held()) == 50


async def test_an_account_has_its_share_of_servers_also_when_it_asks_for_them_at_once(
    database_url: str, tmp_path: Path
):
    pool = ",".join(f"https://g{number}.example.com" for number in range(30))
    async with stand(pooled(database_url, tmp_path, pool, servers_per_account=3)) as gatehouse:
        ann, bob = await gatehouse.person("ann"), await gatehouse.person("bob")
        replies = await asyncio.gather(*(make(ann) for _ in range(20)))
        assert Counter(reply.status_code for reply in replies) == {201: 3, 409: 17}
        refused = next(reply.json() for reply in replies if reply.status_code == 409)
        assert refused["detail"] == "An account may have 3 MCP servers. Delete one you no longer need."
        assert refused["type"] == "urn:gatehouse:conflict"
        assert (await make(bob)).status_code == 201
        kept = (await ann.http.get("/api/v1/mcp-servers")).json()["items"][0]
        await ann.http.delete(f"/api/v1/mcp-servers/{kept['id']}")
        assert (await make(ann)).status_code == 201


async def test_a_domain_that_left_the_pool_is_shown_so_and_kept(database_url: str, tmp_path: Path):
    async with stand(pooled(database_url, tmp_path)) as gatehouse:
        ann = await gatehouse.person()
        server = await gatehouse.server(ann)
    async with stand(pooled(database_url, tmp_path, "https://g1.example.com")) as gatehouse:
        http = gatehouse.client(Authorization=f"Bearer {ann.token}")
        shown = (await http.get(f"/api/v1/mcp-servers/{server['id']}")).json()
        assert (shown["domain"], shown["domain_status"]) == ("g3.example.com", "not_in_pool")
        gone = await gatehouse.client("https://g3.example.com").get("/mcp")
        assert gone.status_code == 421
    async with stand(pooled(database_url, tmp_path)) as gatehouse:
        http = gatehouse.client(Authorization=f"Bearer {ann.token}")
        assert (await http.get(f"/api/v1/mcp-servers/{server['id']}")).json()["domain_status"] == "serving"


async def test_a_deleted_server_is_gone_with_its_keys(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    server = await gatehouse_on_both.server(ann)
    await gatehouse_on_both.key(ann, server)
    url = f"/api/v1/mcp-servers/{server['id']}"
    assert (await ann.http.delete(url)).status_code == 204
    for method, path in (("GET", url), ("DELETE", url), ("GET", f"{url}/keys"), ("POST", f"{url}/search")):
        body = {"query": "x"} if method == "POST" else None
        assert (await ann.http.request(method, path, json=body)).status_code == 404
    assert (await ann.http.get("/api/v1/mcp-servers")).json()["items"] == []


async def test_a_key_is_shown_once_and_listed_by_its_beginning(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    server = await gatehouse_on_both.server(ann)
    url = f"/api/v1/mcp-servers/{server['id']}/keys"
    reply = await ann.http.post(url, json={"name": "Laptop"})
    assert reply.status_code == 201
    made = reply.json()
    assert made["key"].startswith("gh_")
    assert made["key"].startswith(made["prefix"])
    me = (await ann.http.get("/api/v1/me")).json()
    assert made["created_by"] == {"id": ann.id, "name": me["name"], "email": ann.email}
    listed = await ann.http.get(url)
    assert made["key"] not in listed.text
    assert listed.json()["items"] == [{name: value for name, value in made.items() if name != "key"}]
    assert (await ann.http.delete(f"{url}/{made['id']}")).status_code == 204
    assert (await ann.http.delete(f"{url}/{made['id']}")).status_code == 404
    assert (await ann.http.get(url)).json()["items"] == []


async def test_owner_and_managers_are_told_who_made_each_key_and_readers_see_none(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person("ann")
    server = await gatehouse_on_both.server(ann)
    bob = await joined(gatehouse_on_both, ann, server, "manager")
    eve = await joined(gatehouse_on_both, ann, server, "reader", name="eve")
    url = f"/api/v1/mcp-servers/{server['id']}/keys"
    for person in (ann, bob):
        await gatehouse_on_both.key(person, server, name=person.email)
    for person in (ann, bob):
        makers = {key["name"]: key["created_by"] for key in (await person.http.get(url)).json()["items"]}
        assert {name: maker["email"] for name, maker in makers.items()} == {ann.email: ann.email, bob.email: bob.email}
        assert makers[bob.email]["id"] == bob.id
    assert (await eve.http.get(url)).status_code == 403


async def test_a_key_expires_in_the_future_and_says_in_which_zone(vaults: Stand, clock: HandClock):
    ann = await vaults.person()
    server = await vaults.server(ann)
    url = f"/api/v1/mcp-servers/{server['id']}/keys"
    for bad in (clock.now.isoformat(), "2030-01-01T00:00:00", "tomorrow", "0001-01-01T00:00:00+14:00"):
        assert (await ann.http.post(url, json={"name": "x", "expires_at": bad})).status_code == 422, bad
    later = (clock.now + timedelta(hours=1)).isoformat()
    assert (await ann.http.post(url, json={"name": "x", "expires_at": later})).status_code == 201
    far = await ann.http.post(url, json={"name": "x", "expires_at": "9999-12-31T23:59:59-14:00"})
    assert far.status_code == 422, "no calendar goes there in UTC"


async def test_a_key_of_another_server_is_not_there(gatehouse: Stand):
    ann = await gatehouse.person()
    one, other = await gatehouse.server(ann), await gatehouse.server(ann)
    made = (await ann.http.post(f"/api/v1/mcp-servers/{one['id']}/keys", json={"name": "x"})).json()
    assert (await ann.http.delete(f"/api/v1/mcp-servers/{other['id']}/keys/{made['id']}")).status_code == 404


async def test_only_the_hash_of_a_key_is_kept(gatehouse: Stand):
    ann = await gatehouse.person()
    key = await gatehouse.key(ann, await gatehouse.server(ann))
    async with gatehouse.gatehouse.database.engine.connect() as connection:
        rows = repr((await connection.exec_driver_sql("SELECT * FROM api_keys")).all())
    assert key[:9] in rows
    assert key[9:] not in rows


async def test_the_operators_accounts_are_made_with_the_strength_the_settings_say(sqlite_url: str, tmp_path: Path):
    async with stand(settings_for(sqlite_url, tmp_path, password_cost=5)) as gatehouse:
        await gatehouse.person()
        async with gatehouse.gatehouse.database.reading() as session:
            user = await session.scalar(select(User))
        assert user is not None
        assert "r=5$" in user.password_hash
        assert (await Passwords(5).verify("correct horse battery staple", user.password_hash)).fits
        assert user.created_at <= datetime.now(UTC)
