"""API keys at the door, as this process remembers them."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from auth.access import Caller, SignedIn
from auth.keys import KeyRing
from main import utc_now
from tests.stand import Stand

pytestmark = pytest.mark.anyio


async def test_a_key_revoked_while_it_is_looked_up_is_not_remembered(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    made = (await ann.http.post(f"/api/v1/mcp-servers/{server['id']}/keys", json={"name": "key"})).json()
    served = await gatehouse.gatehouse.directory.find(server["domain"])
    assert served is not None
    ring = KeyRing(gatehouse.gatehouse.database, utc_now)
    looking = asyncio.create_task(ring.find(made["key"], served.assignment_id))
    await asyncio.sleep(0)  # the look-up has begun
    await gatehouse.gatehouse.portal.keys.revoke(await signed_in(gatehouse, ann.token), served.id, UUID(made["id"]))
    ring.forget()
    await looking
    assert await ring.find(made["key"], served.assignment_id) is None


async def signed_in(gatehouse: Stand, token: str) -> SignedIn:
    return await gatehouse.gatehouse.portal.doorkeeper.admit(token, Caller(address="198.51.100.7"))
