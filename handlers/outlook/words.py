"""What was asked, as words and phrases without any syntax, the telling ones first.

Nothing is known about how often a word occurs in a mailbox. Its length stands in for that: measured on the Cranfield
questions, picking words by length found as much as picking them by their true frequency, since several of them are
combined (see planning.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MOST_TERMS: Final = 32
_LONGEST_WORD: Final = 64
_LONGEST_PHRASE: Final = 8
"""In words. A longer one is taken apart."""
_QUOTED: Final = re.compile('["\u201c\u201d\u201e\u201f\u00ab\u00bb]')
_BINDING: Final = frozenset("-.@/_&+'\u2019")
_ENDING: Final = re.compile(r"['\u2019](?:s|t|re|ve|ll|d|m)(?!\w)|(?<!\w)[a-z]['\u2019](?=\w)")
"""What an apostrophe leaves of another word: Ann's, don't, l'avion."""
_WITH_DIGIT: Final = 4
_WITH_CAPITAL: Final = 3
_AS_PHRASE: Final = 4
_AS_QUOTED: Final = 100

_FUNCTION_WORDS: Final = (
    "a about after again against all also am an and any anybody anyone anything are aren as at be because been before "
    "being between both but by can cannot could couldn did didn do does doesn doing don done during each either else "
    "ever every few for from further get gets getting give given got had hadn has hasn have haven having he her here "
    "hers him his how however i if in into is isn it its itself just let lets like made make many may me might more "
    "most much must my myself neither no nobody nor not nothing now of off on once one only or other our ours out over "
    "own please same shall she should shouldn so some somebody someone something such than that the their theirs them "
    "then there these they this those though through to too under until up upon us use used using very via was wasn we "
    "were weren what whatever when where whether which while who whom whose why will with within without won would "
    "wouldn yet you your yours"
)
_REQUEST_WORDS: Final = (
    "anywhere email emails find finding inbox know list look looking mail mails mailbox message messages outlook "
    "regarding search searching show tell want"
)
"""What people say to whoever searches their mail, not what the mail says."""
_STOP_WORDS: Final = frozenset(f"{_FUNCTION_WORDS} {_REQUEST_WORDS}".split())


@dataclass(frozen=True, slots=True)
class Term:
    """One word, or several that must stand next to each other. Lower case letters, digits and marks only."""

    words: tuple[str, ...]
    weight: int
    """Higher is more telling."""

    @property
    def is_phrase(self) -> bool:
        return len(self.words) > 1


def find_terms(text: str) -> tuple[Term, ...]:
    """The distinct terms, the most telling first, at most `MOST_TERMS`; none if there is no letter and no digit.

    What stands in quotation marks, or is one name with punctuation inside (`INV-2026-17`), stays together. Stop words
    are left out, unless there is nothing else.
    """
    phrases, loose = _split_at_quotes(unicodedata.normalize("NFKC", text))
    found: dict[tuple[str, ...], Term] = {}
    for term in (*(Term(words, _AS_QUOTED + sum(map(len, words))) for words in phrases), *_loose_terms(loose)):
        found.setdefault(term.words, term)
    telling = [term for term in found.values() if not _is_idle(term)]
    return tuple(sorted(telling or found.values(), key=lambda term: -term.weight)[:MOST_TERMS])


def _split_at_quotes(text: str) -> tuple[list[tuple[str, ...]], str]:
    """The phrases between closed quotation marks, and everything else."""
    parts = _QUOTED.split(text)
    phrases, loose = [], []
    for number, part in enumerate(parts):
        words = _words(part) if number % 2 and number < len(parts) - 1 else ()
        if 1 < len(words) <= _LONGEST_PHRASE:
            phrases.append(words)
        else:
            loose.append(part)
    return phrases, " ".join(loose)


def _loose_terms(text: str) -> Iterable[Term]:
    all_capitals = text.isupper()
    for place, chunk in enumerate(_apart(text).split()):
        words = _words(chunk)
        if len(words) > _LONGEST_PHRASE:
            yield from (Term((word,), _weight(word)) for word in words)
        elif words:
            # A sentence begins with a capital, whatever its first word.
            telling = chunk if place else chunk[1:]
            named = not all_capitals and telling != telling.lower()
            weight = sum(map(_weight, words)) + (_AS_PHRASE if len(words) > 1 else 0)
            yield Term(words, weight + (_WITH_CAPITAL if named else 0))


def _apart(text: str) -> str:
    """With a space for everything that neither belongs to a word nor holds words together: `from:ann` are two."""
    return "".join(character if _is_of_word(character) or character in _BINDING else " " for character in text)


def _words(text: str) -> tuple[str, ...]:
    text = _ENDING.sub(" ", text.lower())
    spaced = "".join(character if _is_of_word(character) else " " for character in text)
    return tuple(word for word in spaced.split() if len(word) <= _LONGEST_WORD and any(map(str.isalnum, word)))


def _is_of_word(character: str) -> bool:
    """Letters and digits; also marks, without which Hindi or Thai words would fall apart."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _weight(word: str) -> int:
    return len(word) + (_WITH_DIGIT if any(character.isdecimal() for character in word) else 0)


def _is_idle(term: Term) -> bool:
    return all(_is_idle_word(word) for word in term.words)


def _is_idle_word(word: str) -> bool:
    return word in _STOP_WORDS or (len(word) == 1 and word.isascii() and word.isalpha())
