"""Nothing that is typed means anything but itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.box.words import plain_words


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("quarterly plan", "quarterly plan"),
        ('the "exact phrase" here', "the exact phrase here"),
        ("salaries AND NOT plan OR lease", "salaries and not plan or lease"),
        ("(NOT salaries)", "(not salaries)"),
        ("brand NOTE ANDORRA Or And", "brand NOTE ANDORRA Or And"),
        ("  many \t\r\n spaces\0here ", "many spaces here"),
        ("C++ and R&D, §5", "C++ and R&D, §5"),
        ("\ud800 half a letter", "half a letter"),
        ("Überführung 契約", "Überführung 契約"),
        ("", ""),
        ("\" ' \\ ( ) *", ""),
        ("🐟", ""),
    ],
)
def test_words_stay_words(typed: str, words: str):
    assert plain_words(typed) == words


@given(st.text())
def test_no_syntax_of_box_is_left_whatever_was_typed(typed: str):
    words = plain_words(typed)
    assert '"' not in words
    assert not re.search(r"\b(?:AND|OR|NOT)\b", words)
    assert words.isprintable() or not any(ord(letter) < 32 for letter in words)
    words.encode()
    assert plain_words(words) == words


@given(st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=60))
def test_no_word_of_a_long_question_is_left_out(words: list[str]):
    assert plain_words(" ".join(words)).split(" ") == words
