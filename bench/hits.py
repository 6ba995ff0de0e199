"""What benches ask, and what their sources find: always the same, of a size that mail and files have."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from handlers.base import Hit

_WORDS: Final = """
meeting contract quarter invoice delivery customer warehouse budget review shipment estimate supplier report schedule
payment agreement storage transport account offer draft summary minutes approval inventory renewal forecast region
pallet temperature carrier insurance claim audit
""".split()  # noqa: SIM905 - one per line would fill the page
_WORDS_IN_QUESTION: Final = 4
_WORDS_IN_TITLE: Final = 5
_WORDS_IN_TEXT: Final = 30


def question(number: int) -> str:
    """Another one for each number up to a million, of words that a person might use."""
    words = []
    for _ in range(_WORDS_IN_QUESTION):
        number, word = divmod(number, len(_WORDS))
        words.append(_WORDS[word])
    return "which {} {} says when the {} of the {} is due".format(*words)


def hits_of(name: str, count: int) -> Sequence[Hit]:
    """The hits of the source of this name: no two are alike, nor are those of two names."""
    choose = random.Random(name)  # noqa: S311 - the same texts every time are the point
    return [
        Hit(
            id=f"{name}-{number}",
            title=" ".join(choose.choices(_WORDS, k=_WORDS_IN_TITLE)).capitalize(),
            url=f"https://files.example.com/{name}/{number}",
            text=f"{name} {number}: " + " ".join(choose.choices(_WORDS, k=_WORDS_IN_TEXT)),
            updated_at=datetime(2026, 1 + number % 12, 1 + number % 28, 9, tzinfo=UTC),
        )
        for number in range(count)
    ]


def plain(hit: Hit) -> dict[str, Any]:
    """The hit as an upstream sends it in JSON."""
    return {**asdict(hit), "updated_at": hit.updated_at and hit.updated_at.isoformat()}


def read(sent: dict[str, Any]) -> Hit:
    """The hit that `plain` wrote."""
    return Hit(**{**sent, "updated_at": datetime.fromisoformat(sent["updated_at"])})
