"""The words of what somebody typed, for searches that take words and no syntax."""

from __future__ import annotations

MOST_WORDS = 32
LONGEST_WORD = 64

# Words that most rows have, or that a person says to a search engine and not about a row.
_STOP_WORDS_TEXT = (
    "a about all an and any are as at be been but by can did do does each every find for from get give had has "
    "have how i if in into is it its list me my no not of on or our out search she he show so some such than "
    "that the their them then there these they this those to up us was we were what when where which who whom "
    "whose why will with you your "
)
_STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split())


def search_words(text: str) -> list[str]:
    """The distinct words of a text in lower case, at most 32, without English stop words if others remain.

    A word is what stands between white space, with punctuation cut off its ends: `anna@example.com` stays one.
    """
    words: dict[str, None] = {}
    # Half a surrogate pair can come out of JSON, and goes into no database.
    readable = text.encode("utf-8", "replace").decode().replace("\0", " ")
    for part in readable.lower().split():
        word = _trimmed(part)[:LONGEST_WORD]
        if word:
            words[word] = None
    telling = [word for word in words if word not in _STOP_WORDS]
    return (telling or list(words))[:MOST_WORDS]


def _trimmed(part: str) -> str:
    """The part from its first to its last letter or digit; "" if it has none."""
    inside = [index for index, character in enumerate(part) if character.isalnum()]
    return part[inside[0] : inside[-1] + 1] if inside else ""
