"""How good an order is, judged by people's gains."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

RRF_K: Final = 60


def ndcg(ranking: Iterable[str], gains: Mapping[str, int], k: int = 10) -> float:
    """Normalised discounted cumulative gain at `k`, gain 2^g - 1, 0 to 1; 0 where nothing is judged to be of use. What
    comes twice counts once."""
    found = [gains.get(document, 0) for document in list(dict.fromkeys(ranking))[:k]]
    ideal = sorted(gains.values(), reverse=True)[:k]
    best = _discounted(ideal)
    return _discounted(found) / best if best else 0.0


def recall(ranking: Iterable[str], gains: Mapping[str, int], k: int = 100) -> float | None:
    """The share of the useful documents that are among the first `k`; None where there is none."""
    useful = {document for document, gain in gains.items() if gain > 0}
    first = set(list(dict.fromkeys(ranking))[:k])
    return len(useful & first) / len(useful) if useful else None


def fused(lists: Iterable[Sequence[str]]) -> Sequence[str]:
    """Plain reciprocal rank fusion; equal scores in the order of their names."""
    scores: dict[str, float] = defaultdict(float)
    for ranking in lists:
        for rank, document in enumerate(dict.fromkeys(ranking), start=1):
            scores[document] += 1 / (RRF_K + rank)
    return sorted(scores, key=lambda document: (-scores[document], document))


def mean(values: Iterable[float | None]) -> float:
    """Of those that are there; 0 for none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return sum((2.0 ** max(gain, 0) - 1) / math.log2(place + 2) for place, gain in enumerate(gains))
