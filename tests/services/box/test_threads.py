"""Threads are bounded, callers are not held by them, and nothing waits for ever."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from errors import SourceTimeout
from services.box.threads import Threads
from tests.services.box.stand_in import StandIn, box_at, once, page, says, slowly, whole

pytestmark = pytest.mark.anyio


def box_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("box")}


async def test_no_more_calls_run_than_there_are_threads():
    before, threads, going_on = box_threads(), Threads(3), threading.Event()
    calls = [asyncio.ensure_future(threads.run(going_on.wait)) for _ in range(20)]
    await asyncio.sleep(0.05)
    assert len(box_threads() - before) == 3
    going_on.set()
    assert await asyncio.gather(*calls) == [True] * 20
    threads.close()


async def test_a_cancelled_caller_leaves_and_its_thread_still_counts():
    before, threads, going_on = box_threads(), Threads(2), threading.Event()
    for _ in range(10):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await threads.run(going_on.wait)
    assert len(box_threads() - before) == 2
    going_on.set()
    assert await threads.run(lambda: "next") == "next"
    threads.close()


async def test_a_call_that_was_given_up_before_it_began_never_begins():
    threads, going_on, begun = Threads(1), threading.Event(), []
    first = asyncio.ensure_future(threads.run(going_on.wait))
    await asyncio.sleep(0.01)
    second = asyncio.ensure_future(threads.run(lambda: begun.append("second")))
    await asyncio.sleep(0.01)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    going_on.set()
    await first
    await threads.run(lambda: None)
    assert begun == []
    threads.close()


async def test_a_hung_box_holds_a_bounded_number_of_threads_and_gives_them_back(vendor: StandIn):
    opened = asyncio.Event()
    async with box_at(vendor.origin, threads=3, within=timedelta(seconds=0.3)) as box:
        await box.search("anything", limit=1)
        vendor.script["/2.0/search"] = once(opened, says(200, page()))
        calls = await asyncio.gather(*(box.search("anything", limit=1) for _ in range(30)), return_exceptions=True)
        assert {type(call) for call in calls} == {SourceTimeout}
        assert vendor.peak == 3
        opened.set()
        await asyncio.sleep(0.2)
        assert (await box.search("anything", limit=1)).entries == ()


async def test_a_cancelled_call_stops_reading_at_the_next_piece(vendor: StandIn):
    async with box_at(vendor.origin, threads=1) as box:
        await box.search("anything", limit=1)
        vendor.script["/2.0/search"] = slowly(whole(200, page()), pace_s=0.05, after=b"\r\n\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await box.search("anything", limit=1)
        await asyncio.sleep(0.3)
        assert vendor.left == 1
        assert (await box.me()).id == "30001"


async def test_a_closed_client_leaves_no_thread_behind(vendor: StandIn):
    before = box_threads()
    async with box_at(vendor.origin) as box:
        await asyncio.gather(*(box.me() for _ in range(10)))
        own = box_threads() - before
        assert own
    for thread in own:
        await asyncio.to_thread(thread.join, 2)
    assert not [thread for thread in own if thread.is_alive()]
