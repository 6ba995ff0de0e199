"""Answers that several callers may have: asked for together, or kept from a moment ago."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar
from uuid import UUID

from federation.calls import Calls
from federation.directory import ServedSource
from federation.metrics import Metrics
from federation.protection.flight import Flight
from federation.protection.reuse import KeptAnswers, Question
from handlers.base import Source

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class Shared(Generic[AnswerT]):
    answer: AnswerT
    reused: bool
    """Whether it was kept from an earlier call: the source was not asked, and nothing new is known of it."""


class SharedAnswers(Generic[AnswerT]):
    """Of one kind of call that only reads. Failures are shared by those who waited together, and never kept."""

    def __init__(
        self,
        calls: Calls,
        metrics: Metrics,
        lifetime: timedelta,
        size_of: Callable[[AnswerT], int],
        now: Callable[[], float],
    ) -> None:
        self._calls = calls
        self._metrics = metrics
        self.kept = KeptAnswers(lifetime, size_of, now)
        self._under_way: dict[Question, Flight[AnswerT]] = {}

    async def get(
        self, question: Question, served: ServedSource, ask: Callable[[Source], Awaitable[AnswerT]], budget: timedelta
    ) -> Shared[AnswerT]:
        """Raises as `Calls.run` does. The budget is this caller's own, also in a call that others have begun."""
        kept = self.kept.find(question)
        if kept is not None:
            self._metrics.answer_reused(served.type)
            return Shared(kept, reused=True)
        flight = self._under_way.get(question)
        if flight is not None and flight.may_be_joined:
            self._metrics.call_joined(served.type)
        else:
            flight = self._under_way[question] = self._calls.start(served, ask, budget)
        try:
            answer = await self._calls.wait(flight, served.name, budget)
            if self._under_way.get(question) is flight:  # else something was changed while it was under way
                self.kept.keep(question, answer)
        finally:
            if self._under_way.get(question) is flight and not flight.may_be_joined:
                del self._under_way[question]
        return Shared(answer, reused=False)

    def drop(self, source_id: UUID) -> None:
        """The source was changed: nobody who asks from now on gets what it has answered, or is answering."""
        self.kept.drop(source_id)
        self._under_way = {
            question: flight for question, flight in self._under_way.items() if question.source_id != source_id
        }
