"""What was typed, as words and phrases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.outlook.words import MOST_TERMS, find_terms


def words(text: str) -> list[str]:
    return [" ".join(term.words) for term in find_terms(text)]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("What did the landlord say about the deposit?", {"landlord", "deposit", "say"}),
        ("find the email about Tilburg", {"tilburg"}),
        ("Ann's lease, Ben's offer", {"ann", "lease", "ben", "offer"}),
        ("don\u2019t panic", {"panic"}),
        ("invoice INV-2026-017", {"invoice", "inv 2026 017"}),
        ("mail from ann.meyer@example.com", {"ann meyer example com"}),
        ('"break clause" lease', {"break clause", "lease"}),
        ("\u201cbreak clause\u201d lease", {"break clause", "lease"}),
        ('"lease" contract', {"lease", "contract"}),
        ('the "break clause', {"break", "clause"}),
        (
            "subject:secret from:(ann OR ben) received>=2026-01-01",
            {"subject", "secret", "ann", "ben", "received", "2026 01 01"},
        ),
        ("Gr\u00f6\u00dfe \u00dcber", {"gr\u00f6\u00dfe", "\u00fcber"}),
        ("\uff42\uff55\uff44\uff47\uff45\uff54", {"budget"}),
        ("\u6771\u4eac\u306e\u4e88\u7b97", {"\u6771\u4eac\u306e\u4e88\u7b97"}),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", {"\u0939\u093f\u0928\u094d\u0926\u0940"}),
        ("lease lease LEASE", {"lease"}),
    ],
)
def test_words_are_taken_from_what_was_typed(typed, found):
    assert set(words(typed)) == found


@pytest.mark.parametrize("typed", ["", " ", "?!", "***", '""', "\r\n", "\0", "\ud800", "x" * 1_000])
def test_where_no_word_is_nothing_is_found(typed):
    assert words(typed) == []


@pytest.mark.parametrize("typed", ["what is this about", "AND OR NOT", "mail", "A"])
def test_stop_words_alone_are_what_was_meant(typed):
    assert set(words(typed)) == {word.lower() for word in typed.split()}


def test_the_telling_words_come_first():
    typed = 'please compare the old INV-2026-017 with what "break clause" means for Falcon and the depot'
    found = words(typed)
    assert found[:2] == ["break clause", "inv 2026 017"]
    assert found.index("falcon") < found.index("depot")


def test_a_capital_at_the_beginning_or_everywhere_tells_nothing():
    assert [term.weight for term in find_terms("Lease")] == [term.weight for term in find_terms("lease")]
    assert [term.weight for term in find_terms("LEASE NOW")] == [term.weight for term in find_terms("lease now")]


def test_a_long_chain_is_taken_apart():
    assert set(words("a1/b2/c3/d4/e5/f6/g7/h8/i9")) == {"a1", "b2", "c3", "d4", "e5", "f6", "g7", "h8", "i9"}


def test_there_are_never_too_many_terms():
    assert len(find_terms(" ".join(f"word{n}" for n in range(200)))) == MOST_TERMS


@given(st.text(max_size=200))
def test_a_term_holds_letters_digits_and_marks_in_lower_case_only(typed):
    for term in find_terms(typed):
        for word in term.words:
            assert word
            assert word == word.lower()
            assert not any(character.isspace() or character in "\"'()*:<>=+-\\/&?#%" for character in word)
