"""Reciprocal rank fusion: raw scores of different engines are never compared, only places in their lists.

Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009; k = 60 is theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from handlers.base import Hit

_K: Final = 60
_SHORTEST_SAME_TEXT: Final = 80
"""Shorter texts may be equal by chance ("Thanks!"), and are never merged for that."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one source returned, best first."""

    key: str
    hits: Sequence[Hit]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one source had a hit: its first is 1."""

    key: str
    rank: int
    hit: Hit


@dataclass(frozen=True, slots=True)
class Ranked:
    """A merged hit. The first place is the one shown; the score is the sum of 1 / (60 + rank) over all places."""

    places: tuple[Place, ...]
    score: float

    @property
    def best(self) -> Place:
        return self.places[0]


def fuse(lists: Sequence[Candidates], limit: int) -> Sequence[Ranked]:
    """At most `limit` hits, best first. The order in which the lists are given does not matter: equal scores are
    ordered by a hash of source and id, which favours no source."""
    places = [
        Place(candidates.key, rank, hit)
        for candidates in lists
        for rank, hit in enumerate(_without_repeats(candidates.hits), start=1)
    ]
    places.sort(key=lambda place: (place.rank, _lot(place)))
    merged = [Ranked(tuple(group), sum(1 / (_K + place.rank) for place in group)) for group in _same_things(places)]
    merged.sort(key=lambda ranked: (-ranked.score, ranked.best.rank, _lot(ranked.best)))
    return merged[:limit]


def _without_repeats(hits: Sequence[Hit]) -> Sequence[Hit]:
    """Each id once, where it came first."""
    first: dict[str, Hit] = {}
    for hit in hits:
        first.setdefault(hit.id, hit)
    return list(first.values())


def _same_things(places: Sequence[Place]) -> Sequence[Sequence[Place]]:
    """Groups of places with the same url or the same text, best place first. Two hits of one source are never merged:
    their source says that they are two things."""
    groups: list[dict[str, Place]] = []
    by_mark: dict[str, list[dict[str, Place]]] = {}
    for place in places:
        marks = _marks(place.hit)
        alike = (group for mark in marks for group in by_mark.get(mark, ()) if place.key not in group)
        group = next(alike, None)
        if group is None:
            group = {}
            groups.append(group)
        group[place.key] = place
        for mark in marks:
            by_mark.setdefault(mark, []).append(group)
    return [tuple(group.values()) for group in groups]


def _marks(hit: Hit) -> Sequence[str]:
    """What makes two hits the same thing."""
    marks = [f"url {hit.url}"] if hit.url else []
    text = " ".join((hit.text or "").split())
    if len(text) >= _SHORTEST_SAME_TEXT:
        marks.append(f"text {_hash(f'{hit.title.strip()} {text}')}")
    return marks


def _lot(place: Place) -> str:
    return _hash(f"{place.key}:{place.hit.id}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
