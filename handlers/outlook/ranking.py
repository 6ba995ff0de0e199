"""Orders what was found: Graph gives no score, and the newest message is seldom the best.

BM25 over the messages at hand, which also tell how rare a word is among them. Several mailboxes and other sources are
ranked together later, by somebody who sees them all; this order is for one mailbox, and decides what is left out.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from handlers.outlook.words import Term
from services.graph.values import Message

_READ: Final = 2_000
"""Characters of a body: what a message is about stands at its beginning, quoted threads at its end."""
_SATURATION: Final = 1.2
_LENGTH_SHARE: Final = 0.75


def best_first(messages: Sequence[Message], terms: Sequence[Term]) -> list[Message]:
    """The same messages; those that are equally good keep their order."""
    if len(messages) < 2 or not terms:  # noqa: PLR2004 - one message has no order
        return list(messages)
    pattern = _pattern(terms)
    texts = [_text(message) for message in messages]
    counts = [_count(text, pattern) for text in texts]
    mean_length = sum(map(len, texts)) / len(texts) or 1.0
    holding = Counter(word for count in counts for word in count)
    rarity = {word: math.log(1 + (len(texts) - n + 0.5) / (n + 0.5)) for word, n in holding.items()}
    scores = [
        sum(rarity[word] * _saturated(n, len(text) / mean_length) for word, n in count.items())
        for text, count in zip(texts, counts, strict=True)
    ]
    order = sorted(range(len(messages)), key=lambda place: -scores[place])
    return [messages[place] for place in order]


def _text(message: Message) -> str:
    sender = str(message.sender) if message.sender else ""
    return f"{message.subject}\n{sender}\n{(message.body or message.preview)[:_READ]}".lower()


def _pattern(terms: Sequence[Term]) -> re.Pattern[str]:
    """Any of the terms at the beginning of a word, the longest first, as Exchange matches beginnings too."""
    written = sorted((r"\W+".join(map(re.escape, term.words)) for term in terms), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(f'({term})' for term in written)})")


def _count(text: str, pattern: re.Pattern[str]) -> Counter[int]:
    """How often each group of the pattern occurs."""
    return Counter(found.lastindex for found in pattern.finditer(text) if found.lastindex is not None)


def _saturated(count: int, length: float) -> float:
    """BM25's share of a term that occurs so often in a text of this length, 1 being average."""
    return count * (_SATURATION + 1) / (count + _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * length))
