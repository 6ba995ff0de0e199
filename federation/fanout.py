"""Asks many sources at once, each within its budget, and tells the truth about every one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from errors import (
    GatehouseError,
    SourceError,
    SourcePaused,
    SourceRateLimited,
    SourceTimeout,
    SourceUnauthorized,
    SourceUnavailable,
)
from federation.answers import presentable
from federation.directory import ServedServer, ServedSource
from federation.peeking import Peeking
from federation.protection.reuse import Question
from federation.shared import SharedAnswers
from handlers.base import Hit, SearchQuery, Source
from schemas.answers import SourceReport, SourceStatus

_STATUS: Final = (
    (SourceTimeout, SourceStatus.TIMEOUT),
    (SourcePaused, SourceStatus.PAUSED),
    (SourceUnauthorized, SourceStatus.UNAUTHORIZED),
    (SourceRateLimited, SourceStatus.RATE_LIMITED),
    (SourceUnavailable, SourceStatus.UNAVAILABLE),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one source did: its hits, best first, and the report that goes with them."""

    served: ServedSource
    hits: Sequence[Hit]
    report: SourceReport
    reused: bool = False
    """Whether the hits were kept from a moment ago; the report's time is then what finding them took: nothing."""
    peeked: frozenset[str] = frozenset()
    """Ids of the hits whose text was read after the search, which the report's time does not count."""


async def ask_all(
    searches: SharedAnswers[Sequence[Hit]],
    peeking: Peeking,
    server: ServedServer,
    sources: Sequence[ServedSource],
    query: SearchQuery,
) -> AsyncGenerator[Outcome, None]:
    """One outcome per source, in the order in which they finish, all within the server's deadline. Closing the iterator
    cancels what is still under way."""
    if len(sources) == 1:  # as in most servers: there is nothing to wait for beside it
        yield await _ask(searches, peeking, server, sources[0], query)
        return
    waiting = {
        asyncio.create_task(_ask(searches, peeking, server, served, query), name=f"search {served.key}")
        for served in sources
    }
    try:
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in waiting:
            task.cancel()


def report_of(
    served: ServedSource, started: float, *, results: int = 0, error: GatehouseError | None = None
) -> SourceReport:
    """What a call to a source came to. `started` is of time.monotonic(), the moment from which this caller waited: for
    one who joined a call under way or got a kept answer, `took_ms` is less than the source took."""
    return SourceReport(
        key=served.key,
        source=served.name,
        type=served.type,
        status=SourceStatus.OK if error is None else status_of(error),
        results=results,
        took_ms=round((time.monotonic() - started) * 1000),
        message=None if error is None else error.message,
    )


def status_of(error: GatehouseError) -> SourceStatus:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), SourceStatus.FAILED)


async def _ask(
    searches: SharedAnswers[Sequence[Hit]],
    peeking: Peeking,
    server: ServedServer,
    served: ServedSource,
    query: SearchQuery,
) -> Outcome:
    async def search(source: Source) -> Sequence[Hit]:
        return [presentable(hit) for hit in (await source.search(query))[: query.limit]]

    started = time.monotonic()
    budget = min(served.budget, server.deadline)
    question = Question(server.assignment_id, served.id, served.version, query.text, query.limit)
    try:
        shared = await searches.get(question, served, search, budget)
    except GatehouseError as error:
        if isinstance(error, SourceRateLimited):
            peeking.rest(served.id)
        known = error if isinstance(error, SourceError) else SourceError("It could not search for this.")
        return Outcome(served, (), report_of(served, started, error=known))
    report = report_of(served, started, results=len(shared.answer))
    time_left = budget - timedelta(seconds=time.monotonic() - started)
    peeked = await peeking.look(server.assignment_id, served, shared.answer, time_left)
    return Outcome(served, peeked.hits, report, shared.reused, peeked.ids)
