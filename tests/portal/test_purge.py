"""What is left once an account was deleted and a purge was run: nothing that was anybody's."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from auth.audit import verify
from database.engine import Database
from database.models import (
    ApiKey,
    AuditEvent,
    AuthorizationCode,
    Base,
    DomainAssignment,
    Grant,
    McpServer,
    OAuthClient,
    OAuthToken,
    Source,
    User,
)
from repositories.audit import AuditEvents
from tests.clock import HandClock
from tests.portal import vault
from tests.portal.dump import dump
from tests.stand import PASSWORD, Person, Stand, settings_for, stand

pytestmark = pytest.mark.anyio

MONTH = timedelta(days=30)


@asynccontextmanager
async def opened(url: str, folder: Path, clock: HandClock, **changes: Any) -> AsyncIterator[Stand]:
    """A Gatehouse with vaults on this database."""
    settings = settings_for(url, folder, domain_quarantine=MONTH, servers_per_account=20, **changes)
    async with stand(settings, vault.registry(), clock) as running:
        yield running


async def full_account(gatehouse: Stand, name: str) -> Person:
    """Somebody who has left a trace of themselves in every table they can."""
    person = await gatehouse.person(name)
    headers = {"User-Agent": f"{name} browser"}
    await person.http.patch("/api/v1/me", json={"name": f"{name} name"}, headers=headers)
    source = (
        await person.http.post("/api/v1/sources", json=vault.vault(owner=f"{name} owner"), headers=headers)
    ).json()
    await gatehouse.sample(person, name=f"{name} sample")
    server = await gatehouse.server(person, [source], name=f"{name} server", instructions=f"{name} instructions")
    key = await gatehouse.key(person, server, name=f"{name} key")
    async with gatehouse.agent(server, key) as agent:
        await agent.call_tool("search", {"query": f"{name} query"})
    await grant(gatehouse, UUID(person.id), UUID(server["id"]))
    await gatehouse.gatehouse.portal.links.make_reset(person.email)
    wrong = {"email": person.email, "password": f"{name} wrong password"}
    await gatehouse.http.post("/api/v1/signin", json=wrong, headers=headers)
    return person


async def grant(gatehouse: Stand, user_id: UUID, server_id: UUID) -> None:
    """An agent that the person let in, with its code and tokens."""
    now = gatehouse.gatehouse._clock()
    async with gatehouse.gatehouse.database.writing() as session:
        assignment = await session.scalar(select(DomainAssignment).where(DomainAssignment.server_id == server_id))
        assert assignment is not None
        client = OAuthClient(
            id=uuid4(), client_id=uuid4().hex, kind="registered", name="Agent", redirect_uris=[], auth_method="none",
            details={}, created_at=now,
        )  # fmt: skip
        granted = Grant(
            id=uuid4(), user_id=user_id, server_id=server_id, assignment_id=assignment.id, client_id=client.id,
            scopes=["mcp:read"], created_at=now,
        )  # fmt: skip
        session.add(client)
        await session.flush()
        session.add(granted)
        await session.flush()
        session.add_all(
            [
                AuthorizationCode(
                    id=uuid4(), grant_id=granted.id, code_hash=uuid4().hex, redirect_uri="https://agent.example/cb",
                    redirect_uri_given=True, challenge="x", scopes=["mcp:read"], resource="x", created_at=now,
                    expires_at=now + timedelta(minutes=1),
                ),
                *(
                    OAuthToken(
                        id=uuid4(), grant_id=granted.id, kind=kind, token_hash=uuid4().hex, scopes=["mcp:read"],
                        created_at=now, expires_at=now + MONTH,
                    )
                    for kind in ("access", "refresh")
                ),
            ]
        )  # fmt: skip


async def counts(gatehouse: Stand) -> dict[str, int]:
    async with gatehouse.gatehouse.database.reading() as session:
        return {
            table.name: await session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def in_files(folder: Path, word: str) -> list[str]:
    """The files below the folder that contain the word."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


async def test_after_a_purge_no_trace_of_an_account_is_left(database_url: str, tmp_path: Path, clock: HandClock):
    """In no table and, on SQLite, in no file: neither in pages that were freed nor in the write-ahead log."""
    async with opened(database_url, tmp_path, clock) as gatehouse:
        await gatehouse.person("operator")
        before = await counts(gatehouse)
        ann = await full_account(gatehouse, "canary")
        assert "canary" in await dump(gatehouse)
        assert (await ann.http.delete("/api/v1/me", headers={"User-Agent": "canary browser"})).status_code == 204
        clock.forward(days=31)
        taken = await gatehouse.gatehouse.purging.run()
        assert {"sources": 2, "servers": 1, "grants": 1, "accounts": 1}.items() <= taken.items()
        assert await gatehouse.gatehouse.database.scrub()
        assert "canary" not in await dump(gatehouse)
        after = await counts(gatehouse)
        left = {name for name in after if after[name] > before[name]}
        assert left <= {"audit_events", "oauth_clients"}, "events without names, and the agent's own registration"
        assert in_files(tmp_path, "canary") == []

        again = await gatehouse.http.post(
            "/api/v1/signup", json={"email": ann.email, "password": PASSWORD, "name": "Again"}
        )
        assert again.status_code == 201
        body = {"email": ann.email, "password": PASSWORD}
        token = (await gatehouse.http.post("/api/v1/signin", json=body)).json()["access_token"]
        gatehouse.http.cookies.clear()
        held = await gatehouse.http.get("/api/v1/me/export", headers={"Authorization": f"Bearer {token}"})
        for kind in ("sources", "servers", "keys", "grants"):
            assert held.json()[kind] == [], "nothing old comes back"
    assert in_files(tmp_path, "canary browser") == []


async def test_the_trail_still_verifies_and_tells_nobodys_address(database_url: str, tmp_path: Path, clock: HandClock):
    async with opened(database_url, tmp_path, clock) as gatehouse:
        ann = await full_account(gatehouse, "canary")
        await gatehouse.gatehouse.audit.flush()
        bob = await gatehouse.person("bob")
        await ann.http.delete("/api/v1/me")
        clock.forward(days=31)
        bobs = (await gatehouse.http.post("/api/v1/signin", json={"email": bob.email, "password": PASSWORD})).json()
        gatehouse.http.cookies.clear()
        await gatehouse.gatehouse.purging.run()
        async with gatehouse.gatehouse.database.reading() as session:
            events = AuditEvents(session)
            chains = [await events.chain(*chain) for chain in await events.chains()]
            rows = [row for chain in chains for row in chain]
        assert [verify(chain) for chain in chains] == [None] * len(chains)
        anns = [row for row in rows if UUID(ann.id) in (row.user_id, row.actor_id)]
        assert len(anns) > 5
        assert {(row.address, row.agent, row.salt) for row in anns} == {(None, None, "")}
        assert any(row.address for row in rows if row.user_id == UUID(bob.id)), "others keep theirs until they are old"
        clock.forward(days=91)
        await gatehouse.gatehouse.purging.run()
        reply = await gatehouse.http.get("/api/v1/checks")
        assert reply.status_code == 200
        assert bobs["access_token"] not in await dump(gatehouse)
        async with gatehouse.gatehouse.database.reading() as session:
            left = await session.scalars(
                select(AuditEvent).where(AuditEvent.salt != "", AuditEvent.action != "purge.done")
            )
            assert left.all() == [], "old events forget, whoever they are about"
            events = AuditEvents(session)
            assert [verify(await events.chain(*chain)) for chain in await events.chains()] == [None] * len(
                await events.chains()
            )


async def test_a_domain_in_quarantine_keeps_its_last_holder_and_no_longer(
    database_url: str, tmp_path: Path, clock: HandClock
):
    """Else a purge would hand the domain to the next person while old tokens for it still live."""
    pool = "http://one.example.com"
    async with opened(database_url, tmp_path, clock, mcp_gateway_url_pools=pool) as gatehouse:
        await gatehouse.person("operator")
        ann, bob = await gatehouse.person("ann"), await gatehouse.person("bob")
        await gatehouse.server(ann)
        await ann.http.delete("/api/v1/me")
        clock.forward(hours=1)
        assert (await gatehouse.gatehouse.purging.run(timedelta(0)))["servers"] == 0
        refused = await bob.http.post("/api/v1/mcp-servers", json={"name": "x", "source_ids": []})
        assert refused.status_code == 409
        async with gatehouse.gatehouse.database.reading() as session:
            assert await session.get(User, UUID(ann.id)) is not None, "an empty row that the domain hangs on"
        clock.forward(days=30)
        taken = await gatehouse.gatehouse.purging.run(timedelta(0))
        assert (taken["servers"], taken["accounts"]) == (1, 1)
        body = {"email": bob.email, "password": PASSWORD}
        token = (await gatehouse.http.post("/api/v1/signin", json=body)).json()["access_token"]
        gatehouse.http.cookies.clear()
        made = await gatehouse.http.post(
            "/api/v1/mcp-servers", json={"name": "x", "source_ids": []}, headers={"Authorization": f"Bearer {token}"}
        )
        assert made.status_code == 201


async def test_what_lives_survives_every_purge(vaults_on_both: Stand, clock: HandClock):
    ann = await full_account(vaults_on_both, "ann")
    for ring in (vaults_on_both.gatehouse.keys, vaults_on_both.gatehouse.agent_tokens):
        await ring.write_uses()  # else they are written in between, and the export tells them
    shown = await ann.http.get("/api/v1/me/export")
    await vaults_on_both.gatehouse.purging.run(timedelta(0))
    after = await ann.http.get("/api/v1/me/export")
    for kind in ("user", "sessions", "sources", "servers", "keys", "grants"):
        assert after.json()[kind] == shown.json()[kind]


async def test_a_deleted_source_and_server_of_a_living_account_go_too(vaults_on_both: Stand, clock: HandClock):
    ann = await full_account(vaults_on_both, "ann")
    held = (await ann.http.get("/api/v1/me/export")).json()
    for path in (f"/sources/{held['sources'][0]['id']}", f"/mcp-servers/{held['servers'][0]['id']}"):
        assert (await ann.http.delete(f"/api/v1{path}")).status_code == 204
    clock.forward(days=29)
    assert (await vaults_on_both.gatehouse.purging.run())["sources"] == 0
    clock.forward(days=2)
    taken = await vaults_on_both.gatehouse.purging.run()
    assert (taken["sources"], taken["servers"], taken["accounts"]) == (1, 1, 0)
    async with vaults_on_both.gatehouse.database.reading() as session:
        for model in (McpServer, ApiKey, Grant, OAuthToken, AuthorizationCode, DomainAssignment):
            assert await session.scalar(select(func.count()).select_from(model)) == 0
        assert await session.scalar(select(func.count()).select_from(Source)) == 1


async def test_the_last_operator_leaves_an_empty_row_behind(vaults_on_both: Stand, clock: HandClock):
    """Were the table empty, whoever signed up next would run the installation."""
    ann = await vaults_on_both.person("ann")
    await ann.http.delete("/api/v1/me")
    clock.forward(days=31)
    await vaults_on_both.gatehouse.purging.run()
    bob = await vaults_on_both.person("bob")
    assert (await bob.http.get("/api/v1/me")).json()["is_operator"] is False


class Stopped(Exception):
    pass


class StopsAt:
    """A database whose process ends within the given transaction, counted from 0."""

    def __init__(self, database: Database, number: int) -> None:
        self._database = database
        self._left = number

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        async with self._database.writing() as session:
            yield session
            self._left -= 1
            if self._left < 0:
                raise Stopped


async def test_a_purge_may_be_stopped_anywhere_and_run_again(
    vaults_on_both: Stand, clock: HandClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("portal.actions.purging._AT_ONCE", 1)
    await vaults_on_both.person("operator")
    for number in range(2):
        await (await full_account(vaults_on_both, f"canary{number}")).http.delete("/api/v1/me")
    clock.forward(days=31)
    purging, database = vaults_on_both.gatehouse.purging, vaults_on_both.gatehouse.database
    for number in itertools.count(0, 3):
        purging._database = cast("Database", StopsAt(database, number))
        try:
            await purging.run()
            break
        except Stopped:
            pass
    purging._database = database
    await asyncio.gather(purging.run(), purging.run())
    assert not any((await purging.run()).values()), "nothing is left to do"
    assert "canary" not in await dump(vaults_on_both)
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 1


async def test_sqlites_file_is_only_rewritten_when_nobody_reads(sqlite_url: str):
    one, other = Database(sqlite_url), Database(sqlite_url)
    async with other.reading() as session:
        await session.execute(text("SELECT count(*) FROM users"))
        async with one.engine.connect() as connection:
            await connection.exec_driver_sql("PRAGMA busy_timeout=50")
        assert not await one.scrub()
    assert await one.scrub()
    await one.aclose()
    await other.aclose()
