from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.words import LONGEST_WORD, MOST_WORDS, search_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("active customers", ["active", "customers"]),
        ("Who are the ACTIVE ones?", ["active", "ones"]),
        ("the who", ["the", "who"]),
        ("(anna@example.com)", ["anna@example.com"]),
        ("+1 555-0142", ["1", "555-0142"]),
        ("a\0b \ud800 - ' \"", ["b"]),
        ("", []),
    ],
)
def test_words_are_what_was_typed_without_punctuation(text, words):
    assert search_words(text) == words


@given(st.text(max_size=1_000))
def test_words_are_few_short_and_plain(text):
    words = search_words(text)
    assert len(words) <= MOST_WORDS
    assert all(0 < len(word) <= LONGEST_WORD and word == word.lower() and "\0" not in word for word in words)
