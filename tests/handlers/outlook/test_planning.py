"""The ladder of queries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from handlers.outlook.planning import plan
from handlers.outlook.words import find_terms

LONG = (
    "Which conditions did the landlord of the warehouse in Tilburg attach to the break clause after three years, and "
    "when does the deposit have to be transferred to his notary?"
)


def test_one_word_is_one_query():
    assert plan(find_terms("lease")).rungs == ("lease",)


def test_two_words_are_asked_for_together_and_then_either_of_them():
    ladder = plan(find_terms("lease Tilburg"))
    assert ladder.rungs == ("tilburg AND lease", "tilburg OR lease")
    assert ladder.start == 0


def test_few_words_begin_with_all_of_them():
    ladder = plan(find_terms("lease deposit notary landlord"))
    assert ladder.start == 0
    assert ladder.rungs[0] == "landlord AND deposit AND notary AND lease"
    assert ladder.rungs[-1] == "landlord OR deposit OR notary OR lease"


def test_a_long_question_begins_in_the_middle():
    ladder = plan(find_terms(LONG))
    assert 0 < ladder.start < len(ladder.rungs) - 1
    assert " OR " not in ladder.rungs[0]
    assert " AND " not in ladder.rungs[-1]
    assert " AND " in ladder.rungs[ladder.start]
    assert " OR " in ladder.rungs[ladder.start]


@given(st.lists(st.text(min_size=1, max_size=70), min_size=1, max_size=40).map(" ".join))
def test_no_query_is_too_long_for_a_url(typed):
    terms = find_terms(typed)
    if terms:
        assert all(0 < len(query.encode()) <= 2_000 for query in plan(terms).rungs)
