"""Connected agents: seen and taken back by the right people, and kept as hashes alone."""

from __future__ import annotations

import asyncio
import re
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from sqlalchemy import select

from auth.tokens import token_hash
from database.models import AuthorizationCode, OAuthToken
from tests.clock import HandClock
from tests.portal.dump import dump
from tests.portal.membership import joined
from tests.portal.oauth.flow import call, code_for, connected, registered
from tests.stand import Stand, settings_for, stand

pytestmark = pytest.mark.anyio


async def test_the_owner_and_managers_see_every_agent_and_readers_their_own(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann, name="Research")
    reader, other = await joined(gatehouse, ann, server), await joined(gatehouse, ann, server)
    manager = await joined(gatehouse, ann, server, "manager")
    for person in (ann, reader, other):
        await connected(gatehouse, person, server)
    url = f"/api/v1/mcp-servers/{server['id']}/grants"

    async def seen_by(person) -> list[str]:
        return [item["user"]["id"] for item in (await person.http.get(url)).json()["items"]]

    assert await seen_by(ann) == await seen_by(manager) == [other.id, reader.id, ann.id]
    assert await seen_by(reader) == [reader.id]
    (item,) = (await reader.http.get("/api/v1/me/grants")).json()["items"]
    assert item["server_name"] == "Research"
    assert item["scopes"] == ["mcp:read"]
    first = (await ann.http.get(url, params={"limit": 2})).json()
    rest = (await ann.http.get(url, params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["user"]["id"] for item in first["items"] + rest["items"]] == [other.id, reader.id, ann.id]


async def test_an_agent_that_is_disconnected_is_out_at_once(gatehouse_on_both: Stand):
    house = gatehouse_on_both
    ann = await house.person()
    server = await house.server(ann)
    reader = await joined(house, ann, server)
    held = await connected(house, reader, server)
    kept = await connected(house, reader, server)
    (_, grant) = (await reader.http.get("/api/v1/me/grants")).json()["items"]
    assert (await call(house, server, held.access)).status_code == 200
    assert (await ann.http.delete(f"/api/v1/me/grants/{grant['id']}")).status_code == 404, "it is the reader's"
    assert (await ann.http.delete(f"/api/v1/mcp-servers/{server['id']}/grants/{grant['id']}")).status_code == 204
    assert (await call(house, server, held.access)).status_code == 401
    assert (await call(house, server, kept.access)).status_code == 200
    assert (await reader.http.delete(f"/api/v1/me/grants/{grant['id']}")).status_code == 404, "it is gone"
    await house.gatehouse.audit.flush()
    for person in (ann, reader):
        (event,) = (await person.http.get("/api/v1/activity", params={"action": "grant.revoked"})).json()["items"]
        assert (event["actor_id"], event["target"]) == (ann.id, grant["id"])


async def test_what_nobody_can_use_any_longer_is_not_listed_and_is_swept(sqlite_url: str, tmp_path: Path):
    clock = HandClock()
    async with stand(settings_for(sqlite_url, tmp_path), clock=clock) as house:
        ann = await house.person()
        server = await house.server(ann)
        await connected(house, ann, server)
        await code_for(house, ann, await registered(house, server))
        assert len((await ann.http.get("/api/v1/me/grants")).json()["items"]) == 1, "one code was never exchanged"
        clock.forward(days=32)
        await house.gatehouse.issuing.sweep()
        async with house.gatehouse.database.reading() as session:
            assert (await session.scalars(select(OAuthToken))).all() == []
            assert (await session.scalars(select(AuthorizationCode))).all() == []


async def test_codes_and_tokens_are_long_random_and_stored_as_hashes_alone(gatehouse: Stand, capfd):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    agent = await registered(gatehouse, server)
    code = await code_for(gatehouse, ann, agent)
    tokens = (await agent.exchange(code)).json()
    renewed = (await agent.refresh(tokens["refresh_token"])).json()
    secrets = [code, *(reply[name] for reply in (tokens, renewed) for name in ("access_token", "refresh_token"))]
    assert len(set(secrets)) == len(secrets)
    for secret in secrets:
        assert re.fullmatch(r"g(ac|at|rt)_[A-Za-z0-9_-]{43}", secret)
        assert len(urlsafe_b64decode(secret[4:] + "=")) == 32
    for token in secrets[1:]:
        await call(gatehouse, server, token)
        await agent.refresh(token)
    await agent.exchange(code)
    await gatehouse.gatehouse.audit.flush()
    kept = await dump(gatehouse)
    logged = "".join(capfd.readouterr())
    assert token_hash(code) in kept
    assert "route=/token" in logged
    for secret in (*secrets, agent.verifier):
        assert secret not in kept
        assert secret not in logged


async def test_an_agent_that_another_process_disconnects_is_out_within_two_seconds(sqlite_url: str, tmp_path: Path):
    """Two processes on one database; what one has just seen it believes for a moment."""
    settings = settings_for(sqlite_url, tmp_path)
    async with stand(settings) as here, stand(settings) as there:
        ann = await here.person()
        server = await here.server(ann)
        held = await connected(here, ann, server)
        assert (await call(there, server, held.access)).status_code == 200
        (grant,) = (await ann.http.get("/api/v1/me/grants")).json()["items"]
        await ann.http.delete(f"/api/v1/me/grants/{grant['id']}")
        assert (await call(here, server, held.access)).status_code == 401
        async with asyncio.timeout(2):
            while (await call(there, server, held.access)).status_code != 401:  # noqa: ASYNC110 - the other is another process
                await asyncio.sleep(0.05)
