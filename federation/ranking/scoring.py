"""How well each hit's text answers the question: BM25 over the hits at hand.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with two things of our own
(docs/decisions/0007 has the figures). How telling a word is comes from the background model times the square root of
what the hits at hand say: all of them were found by these words, so that among them alone the telling words look
common. And a word in the title counts half an occurrence of full weight more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from federation.ranking.merging import Place
from federation.ranking.words import Term, fold

SATURATION: Final = 1.5
LENGTH_SHARE: Final = 0.75
TITLE_SHARE: Final = 0.5
MOST_READ: Final = 20_000
"""Characters of one text. What is in a long document and nowhere near its beginning is its source's to find."""
MOST_READ_IN_ALL: Final = 6_000_000


class Reading(NamedTuple):
    """What was found in one hit, term by term."""

    counts: tuple[int, ...]
    """In title and text together."""
    in_title: tuple[bool, ...]
    length: int | None
    """Characters of title and text; None where no text is known."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What the hits at hand are measured by."""

    weights: tuple[float, ...]
    """Of each term, 1 in all."""
    mean_length: float

    def points(self, reading: Reading) -> list[float]:
        """What each term adds to this hit's score."""
        length = 1.0 if reading.length is None else reading.length / self.mean_length
        flat = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length)
        return [
            weight * (count * (SATURATION + 1) / (count + flat) + TITLE_SHARE * in_title) if count else 0.0
            for weight, count, in_title in zip(self.weights, reading.counts, reading.in_title, strict=True)
        ]


def read(terms: Sequence[Term], places: Sequence[Place]) -> Sequence[Reading]:
    """One reading per place."""
    most = min(MOST_READ, MOST_READ_IN_ALL // max(1, len(places)))
    return [_read(terms, place, most) for place in places]


def scale(terms: Sequence[Term], readings: Sequence[Reading]) -> Scale:
    """From the hits whose text is known; from the titles where that is none of them."""
    known = [reading for reading in readings if reading.length is not None] or readings
    lengths = [reading.length for reading in known if reading.length]
    columns = zip(*(reading.counts for reading in known), strict=True) if known else [()] * len(terms)
    raw = [
        term.importance * math.sqrt(_rarity(len(known), len(known) - counts.count(0)))
        for term, counts in zip(terms, columns, strict=True)
    ]
    total = sum(raw)
    return Scale(
        weights=tuple(weight / total for weight in raw) if total else tuple(0.0 for _ in raw),
        mean_length=sum(lengths) / len(lengths) if lengths else 1.0,
    )


def _read(terms: Sequence[Term], place: Place, most: int) -> Reading:
    title = fold(place.hit.title)
    text = fold((place.hit.text or "")[:most])
    whole = f"{title}\n{text}"  # no term reaches over the end of a line
    found = [term.pattern.find(whole) for term in terms]
    end_of_title = len(title)
    return Reading(
        counts=tuple([count for count, _ in found]),
        in_title=tuple([count > 0 and first < end_of_title for count, first in found]),
        length=end_of_title + len(text) if place.hit.text else None,
    )


def _rarity(hits: int, holding: int) -> float:
    """BM25's inverse document frequency, in the form that is never negative."""
    return math.log(1 + (hits - holding + 0.5) / (holding + 0.5))
