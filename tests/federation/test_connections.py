"""Live sources: connected once, shared, and closed when nobody may or does use them any longer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from federation import connections as module
from tests.federation.conftest import Workshop
from tests.scripted import Script

pytestmark = pytest.mark.anyio


async def settled() -> None:
    """Sources are closed in the background."""
    await asyncio.sleep(0.02)


async def test_many_calls_at_once_share_one_connection(workshop: Workshop):
    script = Script()
    served = workshop.source("one", script)

    async def call() -> None:
        async with workshop.connections.use(served):
            await asyncio.sleep(0.01)

    await asyncio.gather(*(call() for _ in range(50)))
    assert (script.opened, script.closed) == (1, 0)


async def test_new_settings_connect_anew_and_close_the_old(workshop: Workshop):
    script = Script()
    first = workshop.source("one", script)
    second = replace(first, version=2)
    for served in (first, first, second, second):
        async with workshop.connections.use(served):
            pass
    await settled()
    assert (script.opened, script.closed) == (2, 1)


async def test_a_change_closes_at_once_what_nobody_uses(workshop: Workshop):
    script = Script()
    served = workshop.source("one", script)
    async with workshop.connections.use(served):
        pass
    workshop.connections.changed(served.id)
    await settled()
    assert script.closed == 1


async def test_a_running_call_keeps_its_source_open_whatever_is_changed(workshop: Workshop):
    script = Script()
    served = workshop.source("one", script)
    async with workshop.connections.use(served), workshop.connections.use(served):
        workshop.connections.changed(served.id)
        await settled()
        assert script.closed == 0
        async with workshop.connections.use(replace(served, version=2)):
            assert script.opened == 2
    await settled()
    assert script.closed == 1


async def test_what_nobody_used_for_a_while_is_closed(workshop: Workshop, monkeypatch: pytest.MonkeyPatch):
    idle, busy = Script(), Script()
    async with workshop.connections.use(workshop.source("idle", idle)):
        pass
    async with workshop.connections.use(workshop.source("busy", busy)):
        monkeypatch.setattr(module, "_IDLE_S", 0.0)
        await asyncio.sleep(0.01)
        workshop.connections.close_idle()
        await settled()
        assert (idle.closed, busy.closed) == (1, 0)


async def test_what_was_used_just_now_stays_open(workshop: Workshop):
    script = Script()
    async with workshop.connections.use(workshop.source("one", script)):
        pass
    workshop.connections.close_idle()
    await settled()
    assert script.closed == 0


async def test_the_folder_of_a_source_is_its_own_and_goes_with_it(workshop: Workshop):
    script = Script()
    served = workshop.source("one", script)
    other = workshop.source("two", script)
    for one in (served, other):
        async with workshop.connections.use(one):
            pass
    mine, others = script.folders
    (mine / "cache").write_text("what it kept")
    assert mine != others
    await workshop.connections.removed(served.id)
    await settled()
    assert not mine.exists()
    assert others.exists()
    assert script.closed == 1


async def test_removing_a_source_under_way_lets_its_call_end(workshop: Workshop):
    script = Script()
    served = workshop.source("one", script)
    async with workshop.connections.use(served) as connected:
        await workshop.connections.removed(served.id)
        await settled()
        assert script.closed == 0
        assert await connected.source.check() == "an account"
    await settled()
    assert script.closed == 1


async def test_settings_that_are_only_tried_leave_nothing(workshop: Workshop):
    script = Script()
    workshop.source("one", script)
    handler = workshop.stage.handler()
    config = handler.config(script="one")
    assert await workshop.federation.try_out(handler, config) == "an account"
    assert (script.opened, script.closed) == (1, 1)
    assert not script.folders[0].exists()
    assert list(_below(workshop.folder)) == []


async def test_everything_is_closed_at_the_end(workshop: Workshop):
    scripts = [Script() for _ in range(5)]
    for number, script in enumerate(scripts):
        async with workshop.connections.use(workshop.source(str(number), script)):
            pass
    started = time.monotonic()
    await workshop.connections.aclose()
    assert [script.closed for script in scripts] == [1] * 5
    assert time.monotonic() - started < 1


async def test_a_source_that_cannot_be_closed_is_logged(workshop: Workshop, monkeypatch: pytest.MonkeyPatch):
    async def aclose(self: object) -> None:
        raise OSError("stuck")

    monkeypatch.setattr("tests.scripted.ScriptedSource.aclose", aclose)
    served = workshop.source("one", Script())
    async with workshop.connections.use(served):
        pass
    with capture_logs() as logs:
        workshop.connections.changed(served.id)
        await settled()
    assert [line["event"] for line in logs] == ["source.not_closed"]


def _below(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []
