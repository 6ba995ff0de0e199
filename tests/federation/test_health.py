"""How a source does, as its owner sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from errors import SourceError, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable
from handlers.base import Hit, SearchQuery
from repositories.sources import Sources
from tests.scripted import Script, Theatre, hit, theatre
from tests.stand import Person

pytestmark = pytest.mark.anyio


class Moods:
    """A search that fails as it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        if self.error is not None:
            raise self.error
        return [hit("1")]


async def status_of(person: Person, source: dict[str, Any]) -> tuple[str, str | None]:
    saved = (await person.http.get(f"/api/v1/sources/{source['id']}")).json()
    return saved["status"], saved["message"]


async def test_the_owner_sees_what_traffic_has_shown(scene: Theatre):
    ann = await scene.house.person()
    moods = Moods()
    server, sources = await scene.server(ann, {"moody": Script(searching=moods.search)}, access="public")
    steps: list[tuple[Exception | None, str, str | None]] = [
        (None, "ok", None),
        (SourceUnauthorized("Reconnect it under Sources."), "reconnect", "Reconnect it under Sources."),
        (SourceRateLimited("Wait."), "reconnect", "Reconnect it under Sources."),
        (None, "ok", None),
        (SourceUnavailable("It is down. " * 200), "unavailable", ("It is down. " * 200)[:500]),
        (SourceError("Odd."), "unavailable", ("It is down. " * 200)[:500]),
        (KeyError("a bug"), "unavailable", ("It is down. " * 200)[:500]),
        (None, "ok", None),
    ]
    async with scene.house.agent(server, None) as agent:
        for error, status, message in steps:
            moods.error = error
            await agent.call_tool("search", {"query": "x"})
            await _written(scene)
            assert await status_of(ann, sources["moody"]) == (status, message), error


async def test_going_down_and_coming_back_are_logged_once_each(scene: Theatre):
    ann = await scene.house.person()
    moods = Moods()
    server, _ = await scene.server(ann, {"moody": Script(searching=moods.search)}, access="public")
    async with scene.house.agent(server, None) as agent:
        await agent.call_tool("search", {"query": "x"})
        await _written(scene)
        with capture_logs() as logs:
            for error in (SourceUnavailable("Down."), SourceUnavailable("Down."), None, None):
                moods.error = error
                await agent.call_tool("search", {"query": "x"})
                await _written(scene)
    told = [(line["event"], line["status"]) for line in logs if line["event"] in ("source.down", "source.back")]
    assert told == [("source.down", "unavailable"), ("source.back", "ok")]


async def test_a_source_that_is_paused_is_shown_so_with_its_last_failure_and_is_logged_once(scene: Theatre):
    ann = await scene.house.person()
    moods = Moods()
    moods.error = SourceTimeout("It took too long.")
    server, sources = await scene.server(ann, {"moody": Script(searching=moods.search)}, access="public")
    with capture_logs() as logs:
        async with scene.house.agent(server, None) as agent:
            for _ in range(7):
                await agent.call_tool("search", {"query": "x"})
                await _written(scene)
    assert await status_of(ann, sources["moody"]) == ("paused", "It took too long.")
    assert [line["status"] for line in logs if line["event"] == "source.down"] == ["paused"]
    moods.error = None
    checked = (await ann.http.post(f"/api/v1/sources/{sources['moody']['id']}/check")).json()
    assert checked["ok"]
    assert (await status_of(ann, sources["moody"]))[0] == "ok"
    async with scene.house.agent(server, None) as agent:
        answer = (await agent.call_tool("search", {"query": "x"})).structured_content
    assert answer["sources"][0]["status"] == "ok"


@pytest.mark.parametrize("tool", ["search", "fetch"])
async def test_whatever_is_answered_sets_a_source_back_to_ok(scene: Theatre, tool: str):
    ann = await scene.house.person()
    moods = Moods()
    moods.error = SourceUnauthorized("Reconnect.")
    script = Script([hit("1")], searching=moods.search)
    server, sources = await scene.server(ann, {"moody": script}, access="public")
    async with scene.house.agent(server, None) as agent:
        await agent.call_tool("search", {"query": "x"})
        await _written(scene)
        assert (await status_of(ann, sources["moody"]))[0] == "reconnect"
        moods.error = None
        arguments = {"query": "x"} if tool == "search" else {"id": f"{sources['moody']['key']}:1"}
        await agent.call_tool(tool, arguments)
        await _written(scene)
    assert await status_of(ann, sources["moody"]) == ("ok", None)


async def test_what_another_process_wrote_is_corrected_by_what_is_seen_here(scene: Theatre):
    ann = await scene.house.person()
    server, sources = await scene.server(ann, {"fine": Script([hit("1")])}, access="public")
    async with scene.house.agent(server, None) as agent:
        await agent.call_tool("search", {"query": "x"})
        await _written(scene)
        async with scene.house.gatehouse.database.writing() as session:
            await Sources(session).set_status(UUID(sources["fine"]["id"]), 1, "paused", "Elsewhere.")
        scene.house.gatehouse.health._noted.clear()  # as after three seconds
        scene.house.gatehouse.directory.forget()  # as after one
        await agent.call_tool("search", {"query": "x"})
        await _written(scene)
    assert await status_of(ann, sources["fine"]) == ("ok", None)


async def test_what_was_seen_last_is_written_last(database_url: str, tmp_path: Path):
    async with theatre(database_url, tmp_path) as scene:
        ann = await scene.house.person()
        moods = Moods()
        server, sources = await scene.server(ann, {"moody": Script(searching=moods.search)}, access="public")
        async with scene.house.agent(server, None) as agent:
            for number in range(8):  # half of ten calls would pause it
                moods.error = SourceUnavailable("Down.") if number % 2 == 0 else None
                await agent.call_tool("search", {"query": "x"})
        await _written(scene)
        assert (await status_of(ann, sources["moody"]))[0] == "ok"


async def test_an_answer_of_old_settings_says_nothing_about_the_new(scene: Theatre):
    ann = await scene.house.person()
    started, go_on = asyncio.Event(), asyncio.Event()

    async def search(query: SearchQuery) -> Sequence[Hit]:
        started.set()
        await go_on.wait()
        raise SourceUnauthorized("Reconnect.")

    scene.stage.scripts["new"] = Script([hit("1")])
    server, sources = await scene.server(ann, {"old": Script(searching=search)}, access="public")
    async with scene.house.agent(server, None) as agent:
        asking = asyncio.create_task(agent.call_tool("search", {"query": "x"}))
        await started.wait()
        changed = {"name": "old", "type": "scripted", "config": {"script": "new"}}
        (await ann.http.put(f"/api/v1/sources/{sources['old']['id']}", json=changed)).raise_for_status()
        go_on.set()
        await asking
        await _written(scene)
        assert (await status_of(ann, sources["old"]))[0] == "unchecked"


async def _written(scene: Theatre) -> None:
    await scene.house.gatehouse.health.aclose()  # waits for what is being written
