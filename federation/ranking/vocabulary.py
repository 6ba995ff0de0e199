"""How common words are in general, so that a handful of hits need not tell what is telling about a question.

The model is wordfreq's, made of Wikipedia, subtitles, news, books and the web. A word that several languages have is as
common as where it is most common, so that nobody has to say in which language a question is put.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from wordfreq import get_frequency_dict, word_frequency

UNKNOWN: Final = 1e-7
"""The frequency of a word that no list has. The lists end at one in a million."""
DEFAULT_LANGUAGE: Final = "english"

_STEMMERS: Final = MappingProxyType(
    {
        "en": DEFAULT_LANGUAGE,
        "da": "danish",
        "de": "german",
        "es": "spanish",
        "fi": "finnish",
        "fr": "french",
        "it": "italian",
        "nb": "norwegian",
        "nl": "dutch",
        "pl": "polish",
        "pt": "portuguese",
        "ru": "russian",
        "sv": "swedish",
    }
)
"""Languages that wordfreq counts and Snowball has endings of."""
_SURER: Final = math.log(10)
"""Another language than English must be so much more likely: names and loan words are everybody's."""
_MOST_KNOWN: Final = 5_000


class Vocabulary:
    """Frequencies of words, and which language a question is in."""

    def __init__(self, lists: Mapping[str, Mapping[str, float]]) -> None:
        """`lists`: by the language's name in Snowball, each word's share of running text; English among them."""
        self._lists = lists
        self._languages = tuple(lists)
        self._english = self._languages.index(DEFAULT_LANGUAGE)
        # Questions share most of their words, and looking one up in every list takes 8 us.
        self._known = functools.lru_cache(maxsize=_MOST_KNOWN)(self._look_up)

    def frequency(self, word: str) -> float:
        """Between `UNKNOWN` and 1. `word` in lower case, with its accents."""
        return self._known(word)[0]

    def language_of(self, words: Sequence[str]) -> str:
        """The likeliest, as Snowball calls it."""
        if not words:
            return DEFAULT_LANGUAGE
        likelihoods = list(map(math.fsum, zip(*[self._known(word)[1] for word in words], strict=True)))
        best = max(range(len(likelihoods)), key=likelihoods.__getitem__)
        surely = likelihoods[best] - likelihoods[self._english] > _SURER
        return self._languages[best] if surely else DEFAULT_LANGUAGE

    def _look_up(self, word: str) -> tuple[float, tuple[float, ...]]:
        """Its frequency, and the logarithm of its frequency in each language."""
        shares = [max(UNKNOWN, known.get(word, 0.0)) for known in self._lists.values()]
        is_number = any(map(str.isdecimal, word))
        frequency = max(UNKNOWN, word_frequency(word, "en", wordlist="small")) if is_number else max(shares)
        return frequency, tuple(map(math.log, shares))


@functools.cache
def vocabulary() -> Vocabulary:
    """The one of this process. The first call reads its lists, 0.2 s and 40 MB: make it before somebody waits."""
    return Vocabulary({name: get_frequency_dict(code, wordlist="small") for code, name in _STEMMERS.items()})
