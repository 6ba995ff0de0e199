"""Reads a few texts of hits that a source found and does not tell the text of, while its budget lasts.

Ranking reads texts: with none of Box's read, a collection scattered over four sources was ranked 0.92 as well as one
index over all of it, with the first five read 1.04, ten 1.06, all hundred 1.065. The source's own first ten are taken;
choosing them by the words of their titles did no better (docs/decisions/0007).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from errors import SourceError, SourceRateLimited
from federation.answers import presentable_text
from federation.connections import Connections
from federation.directory import ServedSource
from federation.protection.reuse import Question
from federation.shared import SharedAnswers
from handlers.base import Hit, Peeks, Source

MOST_PEEKS: Final = 10
"""Per source and search."""
_AT_ONCE: Final = 5
_LONGEST: Final = timedelta(seconds=2)
_SHORTEST: Final = timedelta(milliseconds=200)
"""With less time left, nothing is begun."""
_ROOM: Final = timedelta(milliseconds=100)
"""We stop so long before the time is up, with what was read by then."""
_REST: Final = timedelta(minutes=1)
"""After a source asked for fewer requests, its searches come first. Vendors count by the minute."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Peeked:
    """The hits in the order they came in, some with a text now."""

    hits: Sequence[Hit]
    ids: frozenset[str] = frozenset()
    """Those whose text was read here."""


class Peeking:
    """Whatever goes wrong costs texts and never hits. What was read is kept as long as answers are."""

    def __init__(
        self,
        connections: Connections,
        texts: SharedAnswers[Mapping[str, str]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` is in seconds and never goes back."""
        self._connections = connections
        self._texts = texts
        self._now = now
        self._resting: dict[UUID, float] = {}

    async def look(
        self, assignment_id: UUID, served: ServedSource, hits: Sequence[Hit], time_left: timedelta
    ) -> Peeked:
        """The first `MOST_PEEKS` hits without a text get theirs, as far as the source has it ready."""
        ids = [hit.id for hit in hits if not hit.text][:MOST_PEEKS]
        if not ids or time_left < _SHORTEST or self._is_resting(served.id) or not await self._can(served):
            return Peeked(hits)
        question = Question(assignment_id, served.id, served.version, "\n".join(ids))
        until = min(time_left, _LONGEST)

        async def read(source: Source) -> Mapping[str, str]:
            return await self._read(served, source, ids, until - _ROOM)

        try:
            texts = (await self._texts.get(question, served, read, until)).answer
        except SourceError as error:
            log.info("peek.failed", source=served.key, code=error.code)
            return Peeked(hits)
        return Peeked(
            [replace(hit, text=texts[hit.id]) if hit.id in texts and not hit.text else hit for hit in hits],
            frozenset(texts),
        )

    def rest(self, source_id: UUID) -> None:
        """The source asked for fewer requests."""
        self._resting = {known: until for known, until in self._resting.items() if until > self._now()}
        self._resting[source_id] = self._now() + _REST.total_seconds()

    def _is_resting(self, source_id: UUID) -> bool:
        return self._resting.get(source_id, 0.0) > self._now()

    async def _can(self, served: ServedSource) -> bool:
        try:
            async with self._connections.use(served) as connected:
                return isinstance(connected.source, Peeks)
        except SourceError:
            return False

    async def _read(
        self, served: ServedSource, source: Source, ids: Sequence[str], within: timedelta
    ) -> Mapping[str, str]:
        """One by one, so that what was read by the end of the time is kept. Once the source refuses or fails, nothing
        more is asked."""
        if not isinstance(source, Peeks):
            return {}
        seen: dict[str, str] = {}
        failures: list[SourceError] = []
        turns = asyncio.Semaphore(_AT_ONCE)

        async def look(wanted: str) -> None:
            async with turns:
                try:
                    text = None if failures else (await source.texts([wanted])).get(wanted)
                except SourceError as error:
                    failures.append(error)
                    return
            if text:
                seen[wanted] = presentable_text(text)

        try:
            async with asyncio.timeout(within.total_seconds()), asyncio.TaskGroup() as group:
                for id_ in ids:
                    group.create_task(look(id_), name=f"peek {served.key}")
        except TimeoutError:
            log.info("peek.late", source=served.key, read=len(seen))
        if failures:
            log.info("peek.broken_off", source=served.key, code=failures[0].code, read=len(seen))
        if any(isinstance(error, SourceRateLimited) for error in failures):
            self.rest(served.id)
        return seen
