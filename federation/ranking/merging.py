"""Hits of several sources that are the same thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from zlib import crc32

from handlers.base import Hit

SHORTEST_SAME_TEXT: Final = 80
"""Shorter texts may be equal by chance ("Thanks!"), and are never merged for that."""
SHORTEST_SAME_TEXT_ALONE: Final = 240
"""So long a text is the same thing also under another title."""
_LOOKED_AT_FIRST: Final = 160
RANK_WEIGHT: Final = 3.0
RANK_OFFSET: Final = 60
"""Reciprocal rank fusion's k (Cormack, Clarke and Büttcher, SIGIR 2009). A source's first hit gets 3 / 61, a twentieth
of what a text gets that has all words: enough to order what the texts do not."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one source returned, best first."""

    key: str
    hits: Sequence[Hit]
    peeked: frozenset[str] = frozenset()
    """Ids of the hits whose text was not returned but asked for afterwards."""


class Place(NamedTuple):
    """Where one source had a hit: its first is 1."""

    key: str
    rank: int
    hit: Hit
    peeked: bool = False

    @property
    def points(self) -> float:
        """What being found here, and how far up, adds to a score."""
        return RANK_WEIGHT / (RANK_OFFSET + self.rank)

    @property
    def lot(self) -> tuple[int, str, str]:
        """Orders what is equal otherwise, always alike and favouring no source: keys of sources are chance."""
        return crc32(self.hit.id.encode("utf-8", "replace")), self.hit.id, self.key


def places_of(lists: Sequence[Candidates]) -> list[Place]:
    """Every hit of every list, each id of a source once, where it came first; best ranks first."""
    places = [
        Place(candidates.key, rank, hit, peeked=hit.id in candidates.peeked)
        for candidates in lists
        for rank, hit in enumerate(_without_repeats(candidates.hits), start=1)
    ]
    if len(lists) > 1:
        places.sort(key=lambda place: (place.rank, place.lot))
    return places


def merge(places: Sequence[Place]) -> Sequence[tuple[Place, ...]]:
    """Groups of places with the same url or the same text, each in the order given. Two hits of one source are never
    merged: their source says that they are two things."""
    if len({place.key for place in places}) <= 1:
        return [(place,) for place in places]
    texts = _texts_to_compare(places)
    groups: list[dict[str, Place]] = []
    by_mark: dict[tuple[str, ...], list[dict[str, Place]]] = {}
    for place in places:
        marks = _marks(place.hit, texts.get((place.key, place.hit.id), ""))
        alike = (group for mark in marks for group in by_mark.get(mark, ()) if place.key not in group)
        group = next(alike, None)
        if group is None:
            group = {}
            groups.append(group)
        group[place.key] = place
        for mark in marks:
            by_mark.setdefault(mark, []).append(group)
    return [tuple(group.values()) for group in groups]


def _without_repeats(hits: Iterable[Hit]) -> Iterable[Hit]:
    first: dict[str, Hit] = {}
    for hit in hits:
        first.setdefault(hit.id, hit)
    return first.values()


def _texts_to_compare(places: Sequence[Place]) -> Mapping[tuple[str, str], str]:
    """The texts, with their spaces evened out, of hits whose beginning another source has too: most have none."""
    beginnings: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        if place.hit.text and len(place.hit.text) >= SHORTEST_SAME_TEXT:
            letters = "".join(place.hit.text[: 2 * _LOOKED_AT_FIRST].split())
            beginnings[letters[: SHORTEST_SAME_TEXT // 2]].append(place)
    return {
        (place.key, place.hit.id): " ".join((place.hit.text or "").split())
        for alike in beginnings.values()
        if len({place.key for place in alike}) > 1
        for place in alike
    }


def _marks(hit: Hit, text: str) -> Sequence[tuple[str, ...]]:
    """What makes two hits the same thing."""
    marks: list[tuple[str, ...]] = [("url", hit.url)] if hit.url else []
    if len(text) >= SHORTEST_SAME_TEXT:
        marks.append(("text", hit.title.strip(), text))
    if len(text) >= SHORTEST_SAME_TEXT_ALONE:
        marks.append(("text", text))
    return marks
