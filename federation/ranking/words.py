"""What a question is made of, and how often that occurs in a text.

Texts are not taken apart: each word of the question is looked for in them, which costs a third.
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

import Stemmer

from federation.ranking.vocabulary import UNKNOWN, Vocabulary

MOST_TERMS: Final = 48
"""The most telling ones of a longer question: all 90 of an abstract found no more and took twice the time."""
_STOP: Final = 1e-3
"""A word that makes up so much of a language says nothing: the, of, was; der, und; de, la."""
_SHORTEST_CUT: Final = 3

_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese, Korean: scripts that put no spaces between words, or join what others
keep apart. Two neighbouring characters stand in for a word (a usual choice, as in Lucene's CJKBigramFilter)."""


def _marks() -> str:
    """Vowel signs and the like, without which words of Hindi or Arabic fall apart; `re` counts them to no word."""
    return "".join(
        chr(code)
        for code in range(0x370, 0x10000)
        if unicodedata.category(chr(code)).startswith("M") and not re.match(f"[{_UNSPACED}]", chr(code))
    )


_LETTER: Final = rf"[^\W_{_UNSPACED}]"
_PLAIN: Final = rf"{_LETTER}+(?:[{_marks()}]+{_LETTER}*)*"
_WORD: Final = re.compile(_PLAIN)
_RUN: Final = re.compile(f"[{_UNSPACED}]+")
_NAME: Final = re.compile(rf"{_PLAIN}(?:[-./_:@#&+]{_PLAIN})+")
_DIGIT: Final = re.compile(r"\d")
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")


class Pattern(Protocol):
    """Something to look for."""

    def find(self, text: str) -> tuple[int, int]:
        """How often the folded text has it, and the place of the first, which means nothing where that is never."""
        ...


class Term(NamedTuple):
    """One thing that a question says."""

    word: str
    """As it was typed, in lower case."""
    pattern: Pattern
    times: int
    """How often the question says it."""
    frequency: float
    """Its share of a language's running text."""
    importance: float
    """How much it tells, before any text is seen: its surprise, as often as it is said."""


def fold(text: str) -> str:
    """The text without case, accents and other differences of writing that people do not mean."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold())))


def find_terms(question: str, vocabulary: Vocabulary) -> Sequence[Term]:
    """The distinct terms, at most `MOST_TERMS`; stop words only where there is nothing else."""
    spelled = unicodedata.normalize("NFKC", question).lower()
    words = _WORD.findall(spelled)
    stem = Stemmer.Stemmer(vocabulary.language_of(words)).stemWord
    frequencies = {word: vocabulary.frequency(word) for word in words}
    others = [*_names(spelled), *_pairs(spelled)]
    telling = [word for word in words if frequencies[word] < _STOP]
    terms = [*_word_terms(telling if telling or others else words, frequencies, stem), *others]
    terms.sort(key=attrgetter("importance"), reverse=True)
    return terms[:MOST_TERMS]


def _term(word: str, pattern: Pattern, times: int, frequency: float) -> Term:
    return Term(word, pattern, times, frequency, times * -math.log(frequency))


@functools.lru_cache(maxsize=2_000)  # a third of the time of asking the pattern
def _is_letter(character: str) -> bool:
    return _WORD.match(character) is not None


class _Forms:
    """All words that have the same stem."""

    __slots__ = ("_beginning", "_known", "_stem", "_stem_of")

    def __init__(self, stem: str, stem_of: Callable[[str], str]) -> None:
        self._stem = stem
        self._stem_of = stem_of
        # A stem may end otherwise than its words: "studi" of "study". What begins alike is looked at closely.
        self._beginning = stem[:-1] if len(stem) >= _SHORTEST_CUT else stem
        self._known: dict[str, bool] = {}

    def find(self, text: str) -> tuple[int, int]:
        beginning = self._beginning
        number, first, place = 0, -1, text.find(beginning)
        while place >= 0:
            if (place == 0 or not _is_letter(text[place - 1])) and (found := _WORD.match(text, place)) is not None:
                word = found[0]
                known = self._known.get(word)
                if known is None:
                    known = self._known[word] = self._stem_of(word) == self._stem
                if known:
                    first = first if number else place
                    number += 1
            place = text.find(beginning, place + len(beginning))
        return number, first


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two neighbouring characters."""

    characters: str

    def find(self, text: str) -> tuple[int, int]:
        return text.count(self.characters), text.find(self.characters)


@dataclass(frozen=True, slots=True)
class _Name:
    """Something with digits and punctuation inside, which means only itself: INV-2041, 3.8.1."""

    name: str

    def find(self, text: str) -> tuple[int, int]:
        if self.name not in text:
            return 0, -1
        found = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(self.name)}(?!\w)", text)]
        return len(found), found[0] if found else -1


def _word_terms(words: Sequence[str], frequencies: dict[str, float], stem: Callable[[str], str]) -> list[Term]:
    by_stem: dict[str, list[str]] = {}
    for word in words:
        by_stem.setdefault(stem(fold(word)), []).append(word)
    return [
        _term(same[0], _Forms(stemmed, stem), len(same), max(frequencies[word] for word in same))
        for stemmed, same in by_stem.items()
    ]


def _names(spelled: str) -> list[Term]:
    if not _DIGIT.search(spelled):  # most questions: looking for names takes a quarter of the time
        return []
    found = dict.fromkeys(name for name in _NAME.findall(spelled) if any(map(str.isdecimal, name)))
    return [_term(name, _Name(fold(name)), 1, UNKNOWN) for name in found]


def _pairs(spelled: str) -> list[Term]:
    times: dict[str, int] = {}
    for run in _RUN.findall(spelled):
        for start in range(max(1, len(run) - 1)):
            pair = run[start : start + 2]
            times[pair] = times.get(pair, 0) + 1
    return [_term(pair, _Pair(fold(pair)), number, UNKNOWN) for pair, number in times.items()]
