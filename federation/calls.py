"""One call to one source, within its time, whatever the source does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog

from errors import EgressRefused, GatehouseError, SourceError, SourceTimeout, SourceUnauthorized
from federation.connections import Connections
from federation.directory import ServedSource
from federation.metrics import Metrics
from federation.protection.breaker import Breaker, Permit, Verdict
from federation.protection.bulkhead import Bulkheads
from federation.protection.flight import Flight, Flights
from handlers.base import Source
from services.retries import answer_within

AnswerT = TypeVar("AnswerT")

LONGEST_DEADLINE: Final = timedelta(seconds=120)
"""What a source may declare for its slowest tool."""

log = structlog.get_logger()


class Calls:
    """Each source has a breaker per version of its settings, in this process; each vendor account a bulkhead. `now` is
    in seconds and never goes back."""

    def __init__(self, connections: Connections, metrics: Metrics, now: Callable[[], float]) -> None:
        self._connections = connections
        self._metrics = metrics
        self._now = now
        self._bulkheads = Bulkheads()
        self._breakers: dict[tuple[UUID, int], Breaker] = {}
        self._flights = Flights()
        connections.when_retired(self._forget_breakers)

    @property
    def under_way(self) -> int:
        """Calls that have not ended, those included that were given up and take no notice."""
        return len(self._flights)

    async def run(
        self,
        served: ServedSource,
        ask: Callable[[Source], Awaitable[AnswerT]],
        budget: timedelta,
        *,
        even_if_paused: bool = False,
    ) -> AnswerT:
        """What the source answers. Raises SourceTimeout at the end of the budget, also when the source takes no notice
        of being cancelled; SourcePaused at once while its breaker is open; and otherwise what the source raises: one of
        our errors, or SourceError for a bug of ours."""
        return await self.wait(self.start(served, ask, budget, even_if_paused=even_if_paused), served.name, budget)

    def start(
        self,
        served: ServedSource,
        ask: Callable[[Source], Awaitable[AnswerT]],
        budget: timedelta,
        *,
        even_if_paused: bool = False,
    ) -> Flight[AnswerT]:
        """The same for several who `wait` for it together. Somebody must, or nobody will end it. The budget tells the
        source whether a second try is worth it."""

        async def call(flight: Flight[AnswerT]) -> AnswerT:
            answer_within(budget)
            with only_our_errors(served.name):
                return await self._ask(served, ask, flight, even_if_paused=even_if_paused)

        return self._flights.start(call, f"ask {served.name}")

    async def wait(self, flight: Flight[AnswerT], name: str, budget: timedelta) -> AnswerT:
        """Raises as `run` does."""
        try:
            return await flight.wait(budget)
        except TimeoutError as error:
            raise SourceTimeout(f"{name} did not answer within {budget.total_seconds():g} s.") from error

    async def within(self, budget: timedelta, name: str, work: Coroutine[Any, Any, AnswerT]) -> AnswerT:
        """The same for work that needs no saved source; `name` is what did not answer."""

        async def call(_flight: Flight[AnswerT]) -> AnswerT:
            answer_within(budget)
            with only_our_errors(name):
                return await work

        return await self.wait(self._flights.start(call, f"ask {name}"), name, budget)

    async def aclose(self) -> None:
        """Waits a few seconds for calls that take no notice of being given up."""
        await self._flights.aclose()

    def is_paused(self, served: ServedSource) -> bool:
        """Whether its breaker is open, or waits for a call to try."""
        breaker = self._breakers.get((served.id, served.version))
        return breaker is not None and breaker.is_open

    async def _ask(
        self,
        served: ServedSource,
        ask: Callable[[Source], Awaitable[AnswerT]],
        flight: Flight[AnswerT],
        *,
        even_if_paused: bool,
    ) -> AnswerT:
        async with self._connections.use(served) as connected:
            breaker = self._breaker_of(served)
            if not even_if_paused:
                breaker.check()  # before waiting for a place: who is refused is refused at once
            async with self._bulkheads.of(connected.bulkhead):
                # Only now is it a call: what waited in vain for a place says nothing about the source.
                flight.permit = permit = breaker.admit(even_if_open=even_if_paused)
                with _judged(permit), only_our_errors(served.name):
                    return await ask(connected.source)

    def _breaker_of(self, served: ServedSource) -> Breaker:
        key = (served.id, served.version)
        breaker = self._breakers.get(key)
        if breaker is None:
            breaker = Breaker(self._now, on_open=lambda: self._metrics.breaker_opened(served.type))
            self._breakers[key] = breaker
        return breaker

    def _forget_breakers(self, source_id: UUID) -> None:
        self._breakers = {key: breaker for key, breaker in self._breakers.items() if key[0] != source_id}


@contextmanager
def _judged(permit: Permit) -> Iterator[None]:
    """Tells the breaker how the call went. A refused credential is an answer: the source is there. So is being asked
    for fewer requests no reason to go on: it counts as a failure. What was not found, did not fit or was refused by our
    own rules counts as nothing, and neither does being cancelled."""
    try:
        yield
        permit.end(Verdict.ANSWERED)
    except SourceUnauthorized:
        permit.end(Verdict.ANSWERED)
        raise
    except EgressRefused:
        raise
    except SourceError:
        permit.end(Verdict.FAILED)
        raise
    finally:
        permit.end(Verdict.DROPPED)


@contextmanager
def only_our_errors(name: str) -> Iterator[None]:
    """Lets errors of ours through and nothing else; any other becomes a SourceError. The one place where a handler's
    bug is caught: it must not take the other sources' hits with it."""
    try:
        yield
    except GatehouseError:
        raise
    except Exception as error:  # a handler's bug can be anything; it is logged here, and told as this source's
        log.exception("source.bug", source=name)
        raise SourceError("Something went wrong inside Gatehouse while asking this source.") from error
