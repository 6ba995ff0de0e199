"""Texts that a search does not tell: read a few at a time, while there is time, at no risk to the hits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from errors import SourceRateLimited, SourceUnavailable
from federation.federation import SearchOutcome
from handlers.base import Hit, SearchQuery
from schemas.answers import SourceStatus
from tests.federation.conftest import Workshop
from tests.scripted import Peeking, Script, hit

pytestmark = pytest.mark.anyio
BARE = [hit(str(number)) for number in range(30)]


def telling(asked: list[str], *, delay_s: float = 0) -> Peeking:
    """A text for every id, and a list of what was asked for."""

    async def texts(ids: Sequence[str]) -> Mapping[str, str]:
        asked.extend(ids)
        await asyncio.sleep(delay_s)
        return {native: f"the text of {native}" for native in ids}

    return texts


def raising(error: Exception, asked: list[str], after: int = 0) -> Peeking:
    async def texts(ids: Sequence[str]) -> Mapping[str, str]:
        asked.extend(ids)
        if len(asked) > after:
            raise error
        return dict.fromkeys(ids, "read")

    return texts


def peeked(outcome: SearchOutcome) -> set[str]:
    return {place.hit.id for one in outcome.ranked for place in one.places if place.peeked}


async def test_the_first_ten_hits_without_a_text_get_one(workshop: Workshop):
    asked: list[str] = []
    hits = [hit("told", text="a text of its own"), *BARE]
    server = workshop.scripted(a=Script(hits=hits, peeking=telling(asked)), results=100)
    outcome = await workshop.federation.search(server, "anything")
    assert asked == [str(number) for number in range(10)]
    assert peeked(outcome) == set(asked)
    assert {result.text for result in outcome.answer.results if result.id == "script-a:3"} == {"the text of 3"}


async def test_a_text_that_was_peeked_at_counts(workshop: Workshop):
    server = workshop.scripted(a=Script(hits=BARE, peeking=telling([])))
    outcome = await workshop.federation.search(server, "text of 7")
    assert outcome.ranked[0].best.hit.id == "7"


async def test_a_source_that_tells_its_texts_is_asked_for_none(workshop: Workshop):
    asked: list[str] = []
    server = workshop.scripted(a=Script(hits=[hit("1", text="told")], peeking=telling(asked)))
    await workshop.federation.search(server, "anything")
    assert asked == []


async def test_texts_that_come_late_cost_no_hit_and_what_was_read_is_kept(workshop: Workshop):
    async def texts(ids: Sequence[str]) -> Mapping[str, str]:
        await asyncio.sleep(0 if ids[0] == "0" else 60)
        return {ids[0]: "in time"}

    source = workshop.source("a", Script(hits=BARE, peeking=texts))
    outcome = await workshop.federation.search(workshop.serve(source, deadline_s=0.8, results=100), "anything")
    assert (len(outcome.answer.results), peeked(outcome)) == (30, {"0"})
    assert outcome.answer.sources[0].status is SourceStatus.OK
    assert outcome.took_ms < 2_000


async def test_a_source_that_ignores_being_cancelled_costs_no_hit(workshop: Workshop):
    async def texts(ids: Sequence[str]) -> Mapping[str, str]:
        for _ in range(30):
            try:
                await asyncio.sleep(0.1)
            except asyncio.CancelledError:
                continue
        return {}

    server = workshop.scripted(a=Script(hits=BARE, peeking=texts), deadline_s=0.8, results=100)
    outcome = await workshop.federation.search(server, "anything")
    assert len(outcome.answer.results) == 30
    assert outcome.took_ms < 2_000


async def test_a_failure_ends_the_peeking_and_keeps_what_was_read(workshop: Workshop):
    asked: list[str] = []
    script = Script(hits=BARE, peeking=raising(SourceUnavailable("Down."), asked, after=2))
    outcome = await workshop.federation.search(workshop.scripted(a=script, results=100), "anything")
    assert len(outcome.answer.results) == 30
    assert peeked(outcome) == {"0", "1"}
    assert len(asked) < 10
    assert outcome.answer.sources[0].status is SourceStatus.OK


async def test_a_bug_while_peeking_costs_no_hit(workshop: Workshop):
    script = Script(hits=BARE, peeking=raising(KeyError("bug"), []))
    outcome = await workshop.federation.search(workshop.scripted(a=script, results=100), "anything")
    assert (len(outcome.answer.results), peeked(outcome)) == (30, set())


async def test_failing_peeks_do_not_pause_the_source(workshop: Workshop):
    script = Script(hits=BARE, peeking=raising(SourceUnavailable("Down."), []))
    server = workshop.scripted(a=script)
    outcomes = [await workshop.federation.search(server, f"question {number}") for number in range(12)]
    assert {outcome.answer.sources[0].status for outcome in outcomes} == {SourceStatus.OK}


async def test_a_source_that_asked_for_fewer_requests_is_not_peeked_at_again_soon(workshop: Workshop):
    asked: list[str] = []
    script = Script(hits=BARE, peeking=raising(SourceRateLimited("Wait."), asked))
    server = workshop.scripted(a=script)
    await workshop.federation.search(server, "first")
    count = len(asked)
    await workshop.federation.search(server, "second")
    assert 0 < count == len(asked)


async def test_nor_is_one_whose_search_was_refused(workshop: Workshop):
    asked: list[str] = []
    refused = True

    async def search(query: SearchQuery) -> Sequence[Hit]:
        if refused:
            raise SourceRateLimited("Wait.")
        return BARE

    server = workshop.scripted(a=Script(searching=search, peeking=telling(asked)))
    await workshop.federation.search(server, "first")
    refused = False
    assert len((await workshop.federation.search(server, "second")).answer.results) == 20
    assert asked == []


async def test_a_search_that_is_given_up_stops_peeking(workshop: Workshop):
    started, stopped = asyncio.Event(), asyncio.Event()

    async def texts(ids: Sequence[str]) -> Mapping[str, str]:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        return {}

    server = workshop.scripted(a=Script(hits=BARE, peeking=texts))
    search = asyncio.create_task(workshop.federation.search(server, "anything"))
    await started.wait()
    search.cancel()
    async with asyncio.timeout(5):
        await stopped.wait()
