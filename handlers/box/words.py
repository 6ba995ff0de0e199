"""What an agent typed, made into words that Box cannot take for anything else."""

from __future__ import annotations

import re
from typing import Final

_OPERATOR: Final = re.compile(r"\b(?:AND|OR|NOT)\b")
_SEPARATOR: Final = re.compile(r"[\s\"\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def plain_words(text: str) -> str:
    """The words, apart by single spaces; "" where there are none.

    Box knows double quotes, and AND, OR and NOT in upper case; other cases of them are words, and several words mean
    any of them, best first (Box docs, "Query operators"). So long questions need no planning: nothing is left out.
    """
    words = _SEPARATOR.sub(" ", text).strip()
    return _OPERATOR.sub(lambda found: found[0].lower(), words) if re.search(r"\w", words) else ""
