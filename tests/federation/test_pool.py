"""The pool of gateway domains while it changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from federation.pool import GatewayPool, authority, spellings
from main import utc_now
from repositories.domains import Domains
from tests.stand import Stand, settings_for, stand

pytestmark = pytest.mark.anyio
NEW = "https://new.example.com"


@pytest.mark.parametrize(
    ("url", "known_as", "also"),
    [
        ("https://g1.example.com", "g1.example.com", "g1.example.com:443"),
        ("http://g1.example.com", "g1.example.com", "g1.example.com:80"),
        ("https://g1.example.com:8443", "g1.example.com:8443", None),
        ("http://localhost:8001", "localhost:8001", None),
        ("https://[2001:db8::1]", "[2001:db8::1]", "[2001:db8::1]:443"),
    ],
)
def test_a_gateway_is_known_by_its_authority(url: str, known_as: str, also: str | None):
    assert authority(url) == known_as
    assert list(spellings(url)) == [known_as, *([also] if also else [])]


def test_domains_are_given_out_in_the_order_of_the_settings():
    pool = GatewayPool(["https://b.example.com", "https://a.example.com"])
    assert list(pool.domains) == ["b.example.com", "a.example.com"]


async def test_a_domain_added_meanwhile_is_served_within_two_seconds(gatehouse: Stand):
    assert await status_of(gatehouse, NEW) == 421
    await change(gatehouse, NEW, retired=False)
    assert await status_within_two_seconds(gatehouse, NEW, 404) == 404  # a gateway that no server holds yet


async def test_a_retired_domain_answers_421_and_its_server_says_so(sqlite_url: str, tmp_path: Path):
    url = "https://g1.example.com"
    async with stand(settings_for(sqlite_url, tmp_path, mcp_gateway_url_pools=url)) as gatehouse:
        ann = await gatehouse.person()
        server = await gatehouse.server(ann)
        await change(gatehouse, url, retired=True)
        assert await status_within_two_seconds(gatehouse, url, 421) == 421
        shown = (await ann.http.get(f"/api/v1/mcp-servers/{server['id']}")).json()
        assert shown["domain_status"] == "not_in_pool"
        await change(gatehouse, url, retired=False)
        assert await status_within_two_seconds(gatehouse, url, 200) == 200


async def test_a_retired_domain_is_given_to_nobody(gatehouse: Stand):
    ann = await gatehouse.person()
    await change(gatehouse, "http://localhost:8001", retired=True)
    await gatehouse.gatehouse.pool.refresh(gatehouse.gatehouse.database)
    assert (await gatehouse.server(ann))["domain"] == "localhost:8002"


async def change(gatehouse: Stand, url: str, *, retired: bool) -> None:
    async with gatehouse.gatehouse.database.writing() as session:
        await Domains(session).change_pool(domain=authority(url), url=url, retired=retired, now=utc_now())


async def status_of(gatehouse: Stand, url: str) -> int:
    return (await gatehouse.client(url).get("/")).status_code


async def status_within_two_seconds(gatehouse: Stand, url: str, wanted: int) -> int:
    for _ in range(20):
        if await status_of(gatehouse, url) == wanted:
            break
        await asyncio.sleep(0.1)
    return await status_of(gatehouse, url)
