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
    SourceRateLimited,
    SourceTimeout,
    SourceUnauthorized,
    SourceUnavailable,
)
from federation.answers import presentable
from federation.calls import Calls
from federation.directory import ServedSource
from handlers.base import Hit, SearchQuery, Source
from schemas.answers import SourceReport, SourceStatus

_STATUS: Final = (
    (SourceTimeout, SourceStatus.TIMEOUT),
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


async def ask_all(
    calls: Calls, sources: Sequence[ServedSource], query: SearchQuery, deadline: timedelta
) -> AsyncGenerator[Outcome, None]:
    """One outcome per source, in the order in which they finish, all within the deadline. Closing the iterator cancels
    what is still under way."""
    waiting = {
        asyncio.create_task(_ask(calls, served, query, min(served.budget, deadline)), name=f"search {served.key}")
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
    """What a call to a source came to. `started` is of time.monotonic()."""
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


async def _ask(calls: Calls, served: ServedSource, query: SearchQuery, budget: timedelta) -> Outcome:
    async def search(source: Source) -> Sequence[Hit]:
        return [presentable(hit) for hit in (await source.search(query))[: query.limit]]

    started = time.monotonic()
    try:
        hits = await calls.run(served, search, budget)
    except GatehouseError as error:
        known = error if isinstance(error, SourceError) else SourceError("It could not search for this.")
        return Outcome(served, (), report_of(served, started, error=known))
    return Outcome(served, hits, report_of(served, started, results=len(hits)))
