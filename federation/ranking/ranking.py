"""From each source's list to one: what the text says first, and where the sources themselves put it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple

from federation.ranking.merging import RANK_OFFSET, Candidates, Place, merge, places_of
from federation.ranking.scoring import Reading, read, scale
from federation.ranking.vocabulary import vocabulary
from federation.ranking.words import find_terms

_LIGHT: Final = 100_000


@dataclass(frozen=True, slots=True)
class WordPoints:
    """What one word of the question added to a score."""

    word: str
    count: int
    """How often title and text have it, in any of its forms."""
    in_title: bool
    points: float


class Told(NamedTuple):
    """What the words of the question add to one hit's score."""

    sum: float
    asked: Sequence[str]
    """The question's words, as they were typed."""
    points: Sequence[float]
    """Of each word."""
    reading: Reading

    def in_all(self) -> float:
        return self.sum

    def words(self) -> tuple[WordPoints, ...]:
        """One by one, without those that were not found."""
        reading = self.reading
        found = [
            WordPoints(word, count, in_title, worth)
            for word, count, in_title, worth in zip(
                self.asked, reading.counts, reading.in_title, self.points, strict=True
            )
            if count
        ]
        return tuple(sorted(found, key=lambda word: (-word.points, word.word)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the second stage found, where there was one."""

    similarity: float
    """The cosine between question and hit, -1 to 1."""
    rank: int
    """Among the results by similarity alone, 1 being the most similar."""
    rank_by_words: int
    """What the first stage made of it."""

    @property
    def score(self) -> float:
        """Reciprocal rank fusion of both; decides the order of the results that have one."""
        return 1 / (RANK_OFFSET + self.rank) + 1 / (RANK_OFFSET + self.rank_by_words)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A merged hit. The first place is the one shown."""

    places: tuple[Place, ...]
    told: Told
    """By the text of the place that has the most of the question's words."""
    meaning: Meaning | None = None

    @property
    def best(self) -> Place:
        return self.places[0]

    @property
    def words(self) -> tuple[WordPoints, ...]:
        """Those that were found, the most telling first. Made when asked for: a search shows them to nobody."""
        return self.told.words()

    @property
    def text_points(self) -> float:
        return self.told.sum

    @property
    def rank_points(self) -> float:
        return sum(place.points for place in self.places)

    @property
    def score(self) -> float:
        """Comparable within one answer only."""
        return self.text_points + self.rank_points

    @property
    def text(self) -> str | None:
        """That of the first place that has any."""
        return next((place.hit.text for place in self.places if place.hit.text), None)


def rank(question: str, lists: Sequence[Candidates], limit: int) -> Sequence[Ranked]:
    """At most `limit` hits, best first. Neither the order of the lists nor anybody's raw scores matter; what is equal
    is ordered by a hash of source and id."""
    terms = find_terms(question, vocabulary())
    asked = tuple(term.word for term in terms)
    places = places_of(lists)
    readings = read(terms, places)
    measure = scale(terms, readings)
    worth = [measure.points(reading) for reading in readings]
    told_by = {
        (place.key, place.hit.id): Told(sum(points), asked, points, reading)
        for place, points, reading in zip(places, worth, readings, strict=True)
    }
    ranked = [
        Ranked(group, max((told_by[place.key, place.hit.id] for place in group), key=Told.in_all))
        for group in merge(places)
    ]
    ranked.sort(key=attrgetter("score"), reverse=True)  # equal ones stay as they are: better places first
    return ranked[:limit]


def is_light(lists: Sequence[Candidates]) -> bool:
    """Whether ranking these takes a few milliseconds at most; else it belongs into a thread."""
    return sum(len(hit.text or "") for candidates in lists for hit in candidates.hits) <= _LIGHT
