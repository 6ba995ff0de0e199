"""What is left of an account when it ends, and what it can take along."""

from __future__ import annotations

import asyncio
import json

import pytest
from sqlalchemy import text

from tests.portal.dump import dump
from tests.portal.test_accounts import form, sign_in
from tests.portal.vault import vault
from tests.stand import PASSWORD, Stand

pytestmark = pytest.mark.anyio


async def test_after_its_end_nothing_of_an_account_works_or_is_left(vaults_on_both: Stand):
    ann = await vaults_on_both.person("canary-ann")
    await ann.http.patch("/api/v1/me", json={"name": "n-canary"})
    source = (await ann.http.post("/api/v1/sources", json=vault(owner="o-canary"))).json()
    server = await vaults_on_both.server(ann, [source], name="s-canary", instructions="i-canary")
    key = await vaults_on_both.key(ann, server)
    async with vaults_on_both.agent(server, key) as agent:
        assert not (await agent.call_tool("search", {"query": "gold"})).is_error
    assert "canary" in await dump(vaults_on_both)

    reply = await ann.http.delete("/api/v1/me")
    assert reply.status_code == 204
    assert 'session=""' in reply.headers["set-cookie"]
    assert (await ann.http.get("/api/v1/me")).status_code == 401
    assert (await sign_in(vaults_on_both, ann.email)).status_code == 401
    gone = await vaults_on_both.client(server["url"].removesuffix("/mcp")).post(
        "/mcp", json={}, headers={"Authorization": f"Bearer {key}"}
    )
    assert gone.status_code in (401, 404, 421)
    await vaults_on_both.gatehouse.audit.flush()
    assert "canary" not in await dump(vaults_on_both), "no name, no address, no setting, no secret"

    again = await vaults_on_both.http.post("/api/v1/signup", json=form(ann.email))
    assert again.status_code == 201
    assert again.json()["id"] != ann.id
    token = (await sign_in(vaults_on_both, ann.email)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    for path in ("/sources", "/mcp-servers"):
        assert (await vaults_on_both.http.get(f"/api/v1{path}", headers=headers)).json()["items"] == []
    activity = (await vaults_on_both.http.get("/api/v1/activity", headers=headers)).json()["items"]
    assert {item["action"] for item in activity} <= {"account.created", "session.opened"}, "nothing of before"


async def test_an_account_that_is_being_deleted_gets_no_more_sources(vaults_on_both: Stand):
    """Else a secret would stay behind that nobody can reach any more."""
    ann = await vaults_on_both.person("ann")
    replies = await asyncio.gather(
        *(ann.http.post("/api/v1/sources", json=vault()) for _ in range(5)),
        ann.http.delete("/api/v1/me"),
        *(ann.http.post("/api/v1/sources", json=vault()) for _ in range(5)),
    )
    assert {reply.status_code for reply in replies} <= {201, 204, 401, 404}
    async with vaults_on_both.gatehouse.database.engine.connect() as connection:
        left = await connection.execute(text("SELECT count(*) FROM sources WHERE sealed IS NOT NULL"))
        assert left.scalar() == 0


async def test_an_export_holds_everything_but_secrets(vaults_on_both: Stand):
    ann, bob = await vaults_on_both.person("ann"), await vaults_on_both.person("bob")
    await vaults_on_both.sample(bob, name="Bob's")
    source = (await ann.http.post("/api/v1/sources", json=vault(pin="p-canary"))).json()
    server = await vaults_on_both.server(ann, [source])
    key = await vaults_on_both.key(ann, server)
    reply = await ann.http.get("/api/v1/me/export")
    held = reply.json()
    assert reply.status_code == 200
    assert set(held) == {"user", "sessions", "sources", "servers", "keys", "grants", "activity"}
    assert [(one["name"], one["server_id"]) for one in held["keys"]] == [("key", server["id"])]
    assert [one["current"] for one in held["sessions"]] == [True]
    assert held["user"]["email"] == ann.email
    assert [one["id"] for one in held["sources"]] == [source["id"]]
    assert [one["id"] for one in held["servers"]] == [server["id"]]
    assert {"account.created", "session.opened", "source.created", "server.created"} <= {
        one["action"] for one in held["activity"]
    }
    assert "p-canary" not in json.dumps(held)
    assert key not in json.dumps(held)
    assert PASSWORD not in json.dumps(held)
    assert "Bob" not in json.dumps(held)
