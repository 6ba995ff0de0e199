"""Answers that are kept for a moment, for whoever asks the same again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Generic, NamedTuple, TypeVar
from uuid import UUID

MOST_ANSWERS: Final = 1_000
MOST_BYTES: Final = 32 * 1024 * 1024
_MOST_SHARE: Final = 8
"""One answer may take this part of all the room, so that a few large ones do not push everything else out."""

AnswerT = TypeVar("AnswerT")


class Question(NamedTuple):
    """What was asked, and under whose authority: equal questions have the same answer for a while."""

    assignment_id: UUID
    """One server's hold on one domain: neither another server nor the domain's next holder asks the same question."""
    source_id: UUID
    version: int
    """Of the source's settings and credentials."""
    text: str
    limit: int = 0


class _Kept(NamedTuple, Generic[AnswerT]):
    answer: AnswerT
    until: float
    size: int


class KeptAnswers(Generic[AnswerT]):
    """At most `MOST_ANSWERS` and `MOST_BYTES`; those not asked for longest go first. `now` is in seconds and never goes
    back; a lifetime of nothing keeps nothing."""

    def __init__(self, lifetime: timedelta, size_of: Callable[[AnswerT], int], now: Callable[[], float]) -> None:
        self._lifetime_s = lifetime.total_seconds()
        self._size_of = size_of
        self._now = now
        self._kept: OrderedDict[Question, _Kept[AnswerT]] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, question: Question) -> AnswerT | None:
        kept = self._kept.get(question)
        if kept is None:
            return None
        if kept.until <= self._now():
            self._forget(question)
            return None
        self._kept.move_to_end(question)
        return kept.answer

    def keep(self, question: Question, answer: AnswerT) -> None:
        if self._lifetime_s <= 0:
            return
        size = self._size_of(answer)
        if size > MOST_BYTES // _MOST_SHARE:
            return
        self._forget(question)
        self._kept[question] = _Kept(answer, self._now() + self._lifetime_s, size)
        self.size_bytes += size
        while len(self._kept) > MOST_ANSWERS or self.size_bytes > MOST_BYTES:
            self._forget(next(iter(self._kept)))

    def drop(self, source_id: UUID) -> None:
        """Nothing of this source is given out again."""
        for question in [question for question in self._kept if question.source_id == source_id]:
            self._forget(question)

    def drop_expired(self) -> None:
        """Called every second: what nobody asks for again must not stay in memory."""
        now = self._now()
        for question in [question for question, kept in self._kept.items() if kept.until <= now]:
            self._forget(question)

    def _forget(self, question: Question) -> None:
        kept = self._kept.pop(question, None)
        if kept is not None:
            self.size_bytes -= kept.size
