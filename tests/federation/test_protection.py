"""A source that fails is left alone for a while, and one question at a time is one request, whoever asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from errors import (
    EgressRefused,
    Invalid,
    NotFound,
    SourceError,
    SourcePaused,
    SourceRateLimited,
    SourceTimeout,
    SourceUnauthorized,
    SourceUnavailable,
)
from federation.directory import ServedServer
from federation.protection.breaker import OPEN_S
from handlers.base import Bulkhead, Document, Hints, Hit, SearchQuery, Tool
from schemas.answers import SourceReport
from tests.federation.conftest import Workshop
from tests.scripted import Script, ScriptedSource, hit

pytestmark = pytest.mark.anyio


class Moody:
    """Fails as it is told to, and counts how often it was asked."""

    def __init__(self, error: BaseException | None = None, takes_s: float = 0) -> None:
        self.error = error
        self.takes_s = takes_s
        self.asked = 0
        self.cancelled = 0

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        await self._do()
        return [hit("1"), hit("2")]

    async def fetch(self, id: str) -> Document:
        await self._do()
        return Document(id=id, title=f"Title {self.asked}", text="text")

    async def _do(self) -> None:
        self.asked += 1
        try:
            await asyncio.sleep(self.takes_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error

    def script(self, **more: Any) -> Script:
        return Script(searching=self.search, fetching=self.fetch, **more)


@dataclass
class Ahead:
    """The real clock, and how many seconds the test has put it forward."""

    by_s: float = 0

    def __call__(self) -> float:
        return time.monotonic() + self.by_s


async def search(workshop: Workshop, server: ServedServer, text: str = "x") -> SourceReport:
    (report,) = (await workshop.federation.search(server, text)).answer.sources
    return report


# The breaker


@pytest.mark.parametrize(
    ("error", "status", "trips"),
    [
        (SourceUnavailable("Down."), "unavailable", True),
        (SourceTimeout("Slow."), "timeout", True),
        (SourceRateLimited("Wait."), "rate_limited", True),
        (SourceError("Odd."), "failed", True),
        (KeyError("a bug"), "failed", True),
        (SourceUnauthorized("Reconnect."), "unauthorized", False),
        (NotFound("Not here."), "failed", False),
        (Invalid("Not for me."), "failed", False),
        (EgressRefused("Not allowed."), "unavailable", False),
    ],
)
async def test_what_pauses_a_source_and_what_does_not(workshop: Workshop, error: Exception, status: str, trips: bool):
    moody = Moody(error)
    server = workshop.scripted(moody=moody.script())
    statuses = [(await search(workshop, server)).status.value for _ in range(7)]
    assert statuses == [status] * 5 + ["paused" if trips else status] * 2
    assert moody.asked == (5 if trips else 7)


async def test_a_paused_source_says_when_it_is_tried_again_and_comes_back(workshop: Workshop):
    clock = Ahead()
    workshop = workshop.rebuilt(now=clock)
    moody = Moody(SourceUnavailable("Down."))
    server = workshop.scripted(moody=moody.script())
    for _ in range(5):
        await search(workshop, server)
    paused = await search(workshop, server)
    assert paused.message == "Paused because it failed again and again. It is tried again in 30 s."
    clock.by_s += OPEN_S
    moody.error = None
    assert (await search(workshop, server)).status == "ok"
    assert (await search(workshop, server)).status == "ok"


async def test_fetches_tools_and_searches_of_a_source_fail_and_pause_as_one(workshop: Workshop):
    moody = Moody(SourceUnavailable("Down."))
    server = workshop.scripted(moody=moody.script(tools=[tool()]))
    (offer,) = workshop.federation.tools(server, may_write=True)
    for _ in range(2):
        with pytest.raises(SourceUnavailable):
            await workshop.federation.fetch(server, "script-moody:1")
    for _ in range(3):
        await search(workshop, server)
    with pytest.raises(SourcePaused) as raised:
        await workshop.federation.fetch(server, "script-moody:1")
    assert raised.value.message.startswith("moody: Paused")
    with pytest.raises(SourcePaused):
        await workshop.federation.call(offer, {})


async def test_checking_a_paused_source_asks_it_and_ends_the_pause(workshop: Workshop):
    moody = Moody(SourceUnavailable("Down."))
    server = workshop.scripted(moody=moody.script())
    for _ in range(6):
        await search(workshop, server)
    assert await workshop.federation.check(server.sources[0]) == "an account"
    moody.error = None
    assert (await search(workshop, server)).status == "ok"


async def test_changed_settings_begin_anew(workshop: Workshop):
    moody = Moody(SourceUnavailable("Down."))
    server = workshop.scripted(moody=moody.script())
    for _ in range(6):
        await search(workshop, server)
    workshop.connections.changed(server.sources[0].id)
    moody.error = None
    assert (await search(workshop, server)).status == "ok"


async def test_one_probe_is_made_at_a_time_and_one_that_is_given_up_frees_its_place(workshop: Workshop):
    clock = Ahead()
    workshop = workshop.rebuilt(now=clock)
    moody = Moody(SourceUnavailable("Down."))
    server = workshop.scripted(moody=moody.script())
    for _ in range(5):
        await search(workshop, server)
    clock.by_s += OPEN_S
    moody.error, moody.takes_s, moody.asked = None, 60, 0
    probing = asyncio.create_task(search(workshop, server, "probe"))
    await asyncio.sleep(0.05)
    assert (await search(workshop, server, "other")).status == "paused"
    probing.cancel()
    await asyncio.wait({probing})
    moody.takes_s = 0
    assert (await search(workshop, server)).status == "ok"
    assert moody.asked == 2


async def test_clients_that_go_away_pause_nothing(workshop: Workshop):
    moody = Moody(takes_s=60)
    server = workshop.scripted(moody=moody.script())
    for number in range(20):
        asking = asyncio.create_task(search(workshop, server, str(number)))
        await asyncio.sleep(0.005)
        asking.cancel()
        await asyncio.wait({asking})
    moody.takes_s = 0
    assert (await search(workshop, server)).status == "ok"


async def test_those_who_waited_in_vain_for_a_place_pause_nothing(workshop: Workshop):
    busy = Moody(takes_s=0.5)
    quick = Moody()
    shared = Bulkhead(key="one account", size=1)
    server = workshop.scripted(quick=quick.script(bulkhead=shared), deadline_s=0.1)
    holding = asyncio.create_task(search(workshop, workshop.scripted(busy=busy.script(bulkhead=shared))))
    await asyncio.sleep(0.05)
    waited = await asyncio.gather(*(search(workshop, server, str(number)) for number in range(8)))
    assert {report.status.value for report in waited} == {"timeout"}
    await holding
    assert (await search(workshop, server)).status == "ok"
    assert quick.asked == 1


async def test_a_source_that_cancels_itself_takes_nobody_with_it(workshop: Workshop):
    server = workshop.scripted(odd=Moody(asyncio.CancelledError()).script(), fine=Script([hit("1")]))
    answer = (await workshop.federation.search(server, "x")).answer
    assert {report.source: report.status.value for report in answer.sources} == {"odd": "unavailable", "fine": "ok"}


async def test_a_process_that_was_kept_from_running_gives_what_has_arrived_meanwhile(workshop: Workshop):
    async def arrives(query: SearchQuery) -> Sequence[Hit]:
        await asyncio.sleep(0.05)
        for _ in range(20):  # as an answer passes through a client's layers
            await asyncio.sleep(0)
        return [hit("1")]

    server = workshop.scripted(deadline_s=0.2, fine=Script(searching=arrives), hung=Moody(takes_s=60).script())
    await workshop.federation.search(server, "connects")
    asyncio.get_running_loop().call_later(0.03, time.sleep, 0.3)
    answer = (await workshop.federation.search(server, "x")).answer
    assert {report.source: report.status.value for report in answer.sources} == {"fine": "ok", "hung": "timeout"}


# Asked together


async def test_the_same_question_at_the_same_time_is_one_request(workshop: Workshop):
    moody = Moody(takes_s=0.05)
    server = workshop.scripted(moody=moody.script())
    reports = await asyncio.gather(*(search(workshop, server) for _ in range(20)), search(workshop, server, "other"))
    assert [report.results for report in reports] == [2] * 21
    assert moody.asked == 2


async def test_a_failure_is_shared_by_those_who_waited_and_by_nobody_else(workshop: Workshop):
    moody = Moody(SourceUnavailable("Down."), takes_s=0.05)
    server = workshop.scripted(moody=moody.script())
    reports = await asyncio.gather(*(search(workshop, server) for _ in range(5)))
    assert [report.status for report in reports] == ["unavailable"] * 5
    moody.error = None
    assert (await search(workshop, server)).status == "ok"
    assert moody.asked == 2


async def test_one_that_goes_away_leaves_the_others_their_answer_and_the_last_ends_the_call(workshop: Workshop):
    moody = Moody(takes_s=0.1)
    server = workshop.scripted(moody=moody.script())
    asking = [asyncio.create_task(search(workshop, server)) for _ in range(3)]
    await asyncio.sleep(0.03)
    asking[0].cancel()
    asking[1].cancel()
    assert (await asking[2]).results == 2
    assert (moody.asked, moody.cancelled) == (1, 0)
    moody.takes_s = 60
    asking = [asyncio.create_task(search(workshop, server)) for _ in range(3)]
    await asyncio.sleep(0.03)
    for one in asking:
        one.cancel()
    await asyncio.wait(asking)
    await asyncio.sleep(0)
    assert (moody.asked, moody.cancelled) == (2, 1)


async def test_calls_that_were_given_up_have_a_moment_to_end_before_the_process_does(workshop: Workshop):
    let_go = asyncio.Event()

    async def slow_to_notice(query: SearchQuery) -> Sequence[Hit]:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.2)
            let_go.set()
            raise
        return ()

    source = workshop.source("slow", Script(searching=slow_to_notice), budget=timedelta(seconds=0.05))
    assert (await search(workshop, workshop.serve(source))).status == "timeout"
    assert not let_go.is_set()
    await workshop.federation.aclose()
    assert let_go.is_set()


async def test_each_who_joins_has_a_budget_of_their_own(workshop: Workshop):
    moody = Moody(takes_s=0.4)
    server = workshop.scripted(moody=moody.script(), deadline_s=0.3)
    first = asyncio.create_task(search(workshop, server))
    await asyncio.sleep(0.2)
    second = asyncio.create_task(search(workshop, server))
    assert (await first).status == "timeout"
    joined = await second
    assert (joined.status, joined.results) == ("ok", 2)
    assert joined.took_ms < 300
    assert moody.asked == 1


async def test_a_call_that_somebody_found_too_slow_is_joined_by_nobody(workshop: Workshop):
    moody = Moody(takes_s=60)
    server = workshop.scripted(moody=moody.script(), deadline_s=0.2)
    first = asyncio.create_task(search(workshop, server))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(search(workshop, server))
    await first
    moody.takes_s = 0
    assert (await search(workshop, server)).status == "ok"
    assert (await second).status == "timeout"
    assert moody.asked == 2


# Kept for a while


@pytest.fixture
def reusing(workshop: Workshop) -> Workshop:
    """A workshop whose federation keeps answers, as it does unless told otherwise."""
    return workshop.rebuilt(reuse=timedelta(seconds=30))


async def test_the_same_question_again_is_no_request(reusing: Workshop):
    moody = Moody(takes_s=0.05)
    server = reusing.scripted(moody=moody.script())
    first = await reusing.federation.search(server, "x")
    again = await reusing.federation.search(server, "x")
    assert moody.asked == 1
    assert again.answer.results == first.answer.results
    assert not first.reused
    assert again.reused == {"script-moody"}
    assert again.answer.sources[0].took_ms < 40 < first.answer.sources[0].took_ms
    fetched = [await reusing.federation.fetch(server, "script-moody:1") for _ in range(2)]
    assert fetched[0] == fetched[1]
    assert moody.asked == 2


async def test_failures_are_never_kept(reusing: Workshop):
    moody = Moody(SourceUnavailable("Down."))
    server = reusing.scripted(moody=moody.script())
    assert (await search(reusing, server)).status == "unavailable"
    moody.error = None
    assert (await search(reusing, server)).status == "ok"


async def test_kept_answers_of_a_paused_source_are_still_given(reusing: Workshop):
    moody = Moody()
    server = reusing.scripted(moody=moody.script())
    await search(reusing, server, "known")
    moody.error = SourceUnavailable("Down.")
    reports = [await search(reusing, server, str(number)) for number in range(6)]
    assert reports[-1].status == "paused"
    assert (await search(reusing, server, "known")).results == 2


async def test_a_tool_that_writes_makes_void_what_was_answered_and_what_is_being_answered(reusing: Workshop):
    moody = Moody(takes_s=0.1)
    server = reusing.scripted(moody=moody.script(tools=[tool(read_only=False), tool("reads")]))
    reads, writes = reusing.federation.tools(server, may_write=True)
    await search(reusing, server)
    await reusing.federation.call(reads, {})
    await search(reusing, server)
    assert moody.asked == 1
    under_way = asyncio.create_task(search(reusing, server, "under way"))
    await asyncio.sleep(0.05)
    await reusing.federation.call(writes, {})
    await under_way
    await search(reusing, server)
    await search(reusing, server, "under way")
    assert moody.asked == 4


async def test_a_tool_that_writes_and_fails_may_have_written(reusing: Workshop):
    async def fails(source: ScriptedSource, arguments: Nothing) -> Nothing:
        raise SourceUnavailable("Broke off.")

    moody = Moody()
    server = reusing.scripted(moody=moody.script(tools=[tool(read_only=False, run=fails)]))
    (writes,) = reusing.federation.tools(server, may_write=True)
    await search(reusing, server)
    with pytest.raises(SourceUnavailable):
        await reusing.federation.call(writes, {})
    await search(reusing, server)
    assert moody.asked == 2


async def test_a_changed_source_is_asked_anew_and_nothing_of_it_is_kept(reusing: Workshop):
    moody = Moody()
    server = reusing.scripted(moody=moody.script())
    await search(reusing, server)
    await reusing.federation.fetch(server, "script-moody:1")
    reusing.connections.changed(server.sources[0].id)
    assert len(reusing.federation._searches.kept) == len(reusing.federation._documents.kept) == 0
    await search(reusing, server)
    assert moody.asked == 3


async def test_neither_another_server_nor_other_settings_get_a_kept_answer(reusing: Workshop):
    moody = Moody()
    source = reusing.source("moody", moody.script())
    await search(reusing, reusing.serve(source))
    await search(reusing, reusing.serve(source))
    assert moody.asked == 2


# Deadlines of tools


async def test_a_tool_has_the_time_that_it_declares(workshop: Workshop, monkeypatch: pytest.MonkeyPatch):
    async def slow(source: ScriptedSource, arguments: Nothing) -> Nothing:
        await asyncio.sleep(0.3)
        return Nothing()

    monkeypatch.setattr("federation.federation.CALL_DEADLINE", timedelta(seconds=0.1))
    tools = [tool("hasty", run=slow), tool("patient", run=slow, deadline=timedelta(seconds=5))]
    server = workshop.scripted(moody=Script(tools=tools))
    hasty, patient = workshop.federation.tools(server, may_write=True)
    with pytest.raises(SourceTimeout):
        await workshop.federation.call(hasty, {})
    await workshop.federation.call(patient, {})
    monkeypatch.setattr("federation.federation.LONGEST_DEADLINE", timedelta(seconds=0.1))
    with pytest.raises(SourceTimeout):
        await workshop.federation.call(patient, {})


class Nothing(BaseModel):
    pass


async def _runs(source: ScriptedSource, arguments: Nothing) -> Nothing:
    return Nothing()


def tool(name: str = "runs", *, read_only: bool = True, run: Any = _runs, **more: Any) -> Tool[Any, Any]:
    return Tool(
        name=name if read_only else "writes",
        title="T",
        description="d",
        arguments=Nothing,
        answer=Nothing,
        hints=Hints(read_only=read_only),
        run=run,
        **more,
    )
