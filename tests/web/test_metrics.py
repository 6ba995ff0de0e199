"""The operator's figures: behind a token, without a tenant in them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from errors import SourceUnavailable
from handlers.base import Hit, SearchQuery
from tests.scripted import Script, hit, theatre
from tests.stand import Stand

pytestmark = pytest.mark.anyio
TOKEN = "a token for whoever scrapes, long"


async def figures(house: Stand, url: str = "http://localhost:8000") -> dict[tuple[str, ...], float]:
    """Value by name and values of labels."""
    reply = await house.client(url, Authorization=f"Bearer {TOKEN}").get("/metrics")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


async def test_what_happened_is_counted_by_kind_and_status_alone(sqlite_url: str, tmp_path: Path):
    async def up(query: SearchQuery) -> list[Hit]:
        await asyncio.sleep(0.02)
        return [hit("1")]

    async def down(query: SearchQuery) -> list[Hit]:
        await asyncio.sleep(0.02)
        raise SourceUnavailable("Down.")

    async with theatre(sqlite_url, tmp_path, metrics_token=TOKEN, answer_reuse_s=30) as scene:
        ann = await scene.house.person()
        scripts = {"Secret name": Script(searching=up), "other": Script(searching=down)}
        server, _ = await scene.server(ann, scripts, access="public", name="Secret server")
        async with scene.house.agent(server, None) as agent:
            await asyncio.gather(*(agent.call_tool("search", {"query": "secret question"}) for _ in range(2)))
            for number in range(5):
                await agent.call_tool("search", {"query": str(number)})
            await agent.call_tool("search", {"query": "secret question"})
        seen = await figures(scene.house)
        assert seen["gatehouse_search_seconds_count",] == 8
        assert seen["gatehouse_source_call_seconds_count", "ok", "scripted"] == 7
        assert seen["gatehouse_source_call_seconds_count", "scripted", "unavailable"] == 6
        assert seen["gatehouse_source_call_seconds_count", "paused", "scripted"] == 2
        assert seen["gatehouse_breaker_opened_total", "scripted"] == 1
        assert seen["gatehouse_calls_joined_total", "scripted"] == 2
        assert seen["gatehouse_answers_reused_total", "scripted"] == 1
        assert seen["gatehouse_requests_shed_total",] == 0
        text = str(seen)
        assert not any(word in text for word in ("Secret", "secret", server["domain"], server["id"], ann.email))


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://localhost:8001", "http://10.0.0.7:8000"])
async def test_strangers_learn_nothing_on_any_host(sqlite_url: str, tmp_path: Path, url: str):
    async with theatre(sqlite_url, tmp_path, metrics_token=TOKEN) as scene:
        for token in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            reply = await scene.house.client(url, **token).get("/metrics")
            assert reply.status_code == 401
            assert "gatehouse_" not in reply.text
        await figures(scene.house, url)
        assert (await scene.house.client(url, Authorization=f"Bearer {TOKEN}").post("/metrics")).status_code == 405


async def test_without_a_token_there_is_no_such_path(gatehouse: Stand):
    for url in ("http://localhost:8000", "http://localhost:8001"):
        assert (await gatehouse.client(url, Authorization="Bearer ").get("/metrics")).status_code == 404
