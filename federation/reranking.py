"""The optional second stage: the first results ordered once more, by what they mean.

Only for servers whose owner switched it on, where the operator has set an OpenAI key. The question and the titles and
snippets of the results leave, nothing else, in one request.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol

import structlog

from errors import SourceError
from federation.answers import snippet
from federation.ranking.ranking import Meaning, Ranked

MOST_RERANKED: Final = 50
_LONGEST: Final = timedelta(seconds=3)
_SHORTEST: Final = timedelta(milliseconds=300)
"""With less time left, the first stage's order stands."""
_REST: Final = timedelta(seconds=30)
"""After a failure OpenAI is left alone for so long: every search would wait for it."""

log = structlog.get_logger()


class Reranking(StrEnum):
    """What became of the second stage."""

    OFF = "off"
    """The server's owner has not switched it on."""
    NOT_SET_UP = "not_set_up"
    """The operator has set no OPENAI_API_KEY."""
    DONE = "done"
    NO_TIME = "no_time"
    FAILED = "failed"


class Embeddings(Protocol):
    """Turns texts into vectors."""

    async def embed(self, texts: Sequence[str], within: timedelta) -> Sequence[Sequence[float]]: ...


@dataclass(frozen=True, slots=True)
class Reranked:
    ranked: Sequence[Ranked]
    outcome: Reranking


class Reranker:
    def __init__(self, embeddings: Embeddings, now: Callable[[], float] = time.monotonic) -> None:
        """`now` is in seconds and never goes back."""
        self._embeddings = embeddings
        self._now = now
        self._rests_until = 0.0

    async def rerank(self, question: str, ranked: Sequence[Ranked], time_left: timedelta) -> Reranked:
        """The first `MOST_RERANKED` in the order of both stages together, the others behind them. Where it fails, the
        order stands as it was."""
        first, others = ranked[:MOST_RERANKED], ranked[MOST_RERANKED:]
        if not first:
            return Reranked(ranked, Reranking.DONE)
        if time_left < _SHORTEST:
            return Reranked(ranked, Reranking.NO_TIME)
        if self._rests_until > self._now():
            return Reranked(ranked, Reranking.FAILED)
        texts = [question, *(f"{one.best.hit.title}\n{snippet(one.text)}" for one in first)]
        try:
            asked, *told = await self._embeddings.embed(texts, min(time_left, _LONGEST))
        except SourceError as error:
            self._rests_until = self._now() + _REST.total_seconds()
            log.warning("rerank.failed", code=error.code)
            return Reranked(ranked, Reranking.FAILED)
        return Reranked([*_fused(first, [_cosine(asked, one) for one in told]), *others], Reranking.DONE)


def _fused(ranked: Sequence[Ranked], similarities: Sequence[float]) -> Sequence[Ranked]:
    """By reciprocal rank fusion of both orders: cosines and points are not comparable."""
    by_meaning = sorted(range(len(ranked)), key=lambda place: (-similarities[place], place))
    ranks = {place: rank for rank, place in enumerate(by_meaning, start=1)}
    meanings = [
        Meaning(similarity=similarity, rank=ranks[place], rank_by_words=place + 1)
        for place, similarity in enumerate(similarities)
    ]
    order = sorted(range(len(ranked)), key=lambda place: (-meanings[place].score, place))
    return [replace(ranked[place], meaning=meanings[place]) for place in order]


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    size = math.hypot(*one) * math.hypot(*other)
    return sum(map(operator.mul, one, other)) / size if size else 0.0
