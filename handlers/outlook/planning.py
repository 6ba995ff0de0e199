"""Which questions to put to a mailbox that finds only what has every word, newest first, without a score.

A ladder of queries, from all words down to any of them. The rungs between ask for a part of the most telling words,
whichever part it is. We begin at the top with few words, in the middle with many; a rung that brings too little sends
us down, one that fills the page sends us up, since the best of it may lie on pages that we do not read.

Measured on the 1,400 Cranfield abstracts as one mailbox, questions of 10 words on average after stop words (nDCG@10 of
what was found, ordered by BM25; 0.335 with the whole mailbox in hand): all words, then the rarest three, then any word
0.160; this ladder 0.325 with 2.2 queries per question. Choosing the words by their true frequencies instead of their
length gained nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from handlers.outlook import kql
from handlers.outlook.words import Term

_FEW: Final = 6
"""So many words may well stand in one message."""
_MOST_WANTED: Final = 12
_CHOSEN: Final = 6
_CHOSEN_LOOSELY: Final = 8
_MOST_KQL_BYTES: Final = 2_000
"""Keeps the URL within what every proxy takes, percent-encoding included."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Queries in KQL, the narrowest first, and the one to begin with."""

    rungs: tuple[str, ...]
    start: int


def plan(terms: Sequence[Term]) -> Ladder:
    """The queries for these terms, the most telling first, at least one being given."""
    count = len(terms)
    if count > _FEW:
        chosen, loosely = terms[:_CHOSEN], terms[:_CHOSEN_LOOSELY]
        rungs = [
            _fitting(kql.every, terms[:_MOST_WANTED]),
            *(_fitting(_needing(needed), chosen) for needed in (4, 3)),
            *(_fitting(_needing(needed), loosely) for needed in (2, 1)),
        ]
        return Ladder(tuple(rungs), start=2)
    halves = {needed for needed in ((count + 1) // 2, 2, 1) if needed < count}
    rungs = [_fitting(_needing(needed), terms) for needed in (count, *sorted(halves, reverse=True))]
    return Ladder(tuple(dict.fromkeys(rungs)), start=0)


def _needing(needed: int) -> Callable[[Sequence[Term]], str]:
    return lambda terms: kql.at_least(min(needed, len(terms)), terms)


def _fitting(write: Callable[[Sequence[Term]], str], terms: Sequence[Term]) -> str:
    """The query with as many of the terms as there is room for."""
    while len(terms) > 1 and len(write(terms).encode()) > _MOST_KQL_BYTES:
        terms = terms[:-1]
    return write(terms)
