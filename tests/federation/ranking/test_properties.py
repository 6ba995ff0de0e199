"""Lists of hits in, one list out: what must hold whatever the sources return and whatever is asked."""

from __future__ import annotations

import string
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.ranking.merging import Candidates
from federation.ranking.ranking import Ranked, rank
from handlers.base import Hit

unhurried = settings(deadline=None)  # the machine may be busy

LONG = "the same text about harbours, long enough that it cannot be equal by chance; " * 2
LONGER = LONG * 2

questions = st.one_of(
    st.sampled_from(["", "the of and", "harbour text", "harbours harbour", "INV-2041", "港口 合同", "a" * 1_000]),
    st.text(max_size=40),
)
texts = st.one_of(
    st.none(),
    st.sampled_from(["", "Thanks!", "a harbour", LONG, LONGER, LONG + "other", "合同在港口签署"]),
    st.text(max_size=5),
)
urls = st.sampled_from(["", "https://a.example/1", "https://a.example/2", "https://b.example/"])
hits = st.lists(
    st.builds(
        Hit,
        id=st.text(string.ascii_lowercase, min_size=1, max_size=2),
        title=st.sampled_from(["One harbour", "Two", ""]),
        url=urls,
        text=texts,
    ),
    max_size=8,
)
lists = st.dictionaries(st.sampled_from(["a-1", "b-2", "c-3", "d-4"]), hits).map(
    lambda made: [Candidates(key, found) for key, found in made.items()]
)


def shown(ranked: list[Ranked] | tuple[Ranked, ...]) -> list[list[tuple[str, str, int]]]:
    return [[(place.key, place.hit.id, place.rank) for place in one.places] for one in ranked]


@unhurried
@given(questions, lists, st.randoms(use_true_random=False))
def test_the_order_of_the_lists_does_not_matter(question, given_lists, chance):
    shuffled = list(given_lists)
    chance.shuffle(shuffled)
    assert list(rank(question, shuffled, 100)) == list(rank(question, given_lists, 100))


@unhurried
@given(questions, lists)
def test_every_hit_has_exactly_one_place(question, given_lists):
    expected = Counter((one.key, native) for one in given_lists for native in {found.id for found in one.hits})
    places = Counter((place.key, place.hit.id) for one in rank(question, given_lists, 1_000) for place in one.places)
    assert places == expected


@unhurried
@given(questions, lists)
def test_two_hits_of_one_source_are_never_one(question, given_lists):
    for ranked in rank(question, given_lists, 1_000):
        keys = [place.key for place in ranked.places]
        assert len(keys) == len(set(keys))


@unhurried
@given(questions, lists)
def test_the_explanation_reproduces_the_score_and_the_order(question, given_lists):
    ranked = rank(question, given_lists, 1_000)
    for one in ranked:
        by_words = sum(word.points for word in one.words)
        by_places = sum(3 / (60 + place.rank) for place in one.places)
        assert one.score == pytest.approx(by_words + by_places)
        assert one.best.rank == min(place.rank for place in one.places)
        assert all(word.count > 0 and word.points > 0 for word in one.words)
    scores = [one.score for one in ranked]
    assert scores == sorted(scores, reverse=True)


@unhurried
@given(questions, lists, st.integers(0, 10))
def test_a_limit_cuts_the_end_off(question, given_lists, limit):
    assert shown(list(rank(question, given_lists, limit))) == shown(list(rank(question, given_lists, 1_000)))[:limit]


@unhurried
@given(hits)
def test_without_a_word_to_go_by_a_single_list_keeps_its_order(found):
    ids = list(dict.fromkeys(one.id for one in found))
    assert [ranked.best.hit.id for ranked in rank("", [Candidates("a-1", found)], 1_000)] == ids
