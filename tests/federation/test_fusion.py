"""Lists of hits in, one list out: what must hold whatever the sources return."""

from __future__ import annotations

import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.ranking.fusion import Candidates, Ranked, fuse
from handlers.base import Hit
from tests.scripted import hit

LONG = "the same text, long enough that it cannot be equal by chance; " * 2

texts = st.one_of(st.none(), st.sampled_from(["Thanks!", LONG, LONG + "other"]), st.text(max_size=5))
urls = st.sampled_from(["", "https://a.example/1", "https://a.example/2", "https://b.example/"])
hits = st.lists(
    st.builds(
        Hit,
        id=st.text(string.ascii_lowercase, min_size=1, max_size=2),
        title=st.sampled_from(["One", "Two"]),
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


@given(lists, st.randoms(use_true_random=False))
def test_the_order_of_the_lists_does_not_matter(given_lists, chance):
    shuffled = list(given_lists)
    chance.shuffle(shuffled)
    assert shown(list(fuse(shuffled, 100))) == shown(list(fuse(given_lists, 100)))


@given(lists)
def test_every_hit_has_exactly_one_place(given_lists):
    expected = Counter((one.key, native) for one in given_lists for native in {found.id for found in one.hits})
    places = Counter((place.key, place.hit.id) for ranked in fuse(given_lists, 1_000) for place in ranked.places)
    assert places == expected


@given(lists)
def test_two_hits_of_one_source_are_never_one(given_lists):
    for ranked in fuse(given_lists, 1_000):
        keys = [place.key for place in ranked.places]
        assert len(keys) == len(set(keys))


@given(lists)
def test_the_places_explain_the_score_and_the_order(given_lists):
    ranked = fuse(given_lists, 1_000)
    for one in ranked:
        assert one.score == pytest.approx(sum(1 / (60 + place.rank) for place in one.places))
        assert one.best.rank == min(place.rank for place in one.places)
    scores = [one.score for one in ranked]
    assert scores == sorted(scores, reverse=True)


@given(lists, st.integers(0, 10))
def test_a_limit_cuts_the_end_off(given_lists, limit):
    assert shown(list(fuse(given_lists, limit))) == shown(list(fuse(given_lists, 1_000)))[:limit]


@given(hits)
def test_a_single_list_keeps_its_order(found):
    ids = list(dict.fromkeys(one.id for one in found))
    assert [ranked.best.hit.id for ranked in fuse([Candidates("a-1", found)], 1_000)] == ids


def test_the_same_page_in_two_sources_is_one_hit_that_names_both():
    ranked = fuse(
        [
            Candidates("a-1", [hit("1", url="https://a.example/x"), hit("2")]),
            Candidates("b-2", [hit("3"), hit("9", url="https://a.example/x")]),
        ],
        10,
    )
    assert [(place.key, place.hit.id) for place in ranked[0].places] == [("a-1", "1"), ("b-2", "9")]
    assert ranked[0].score == pytest.approx(1 / 61 + 1 / 62)
    assert len(ranked) == 3


def test_the_same_long_text_under_the_same_title_is_one_hit():
    spaced = LONG.replace(" ", "  \n")
    ranked = fuse(
        [
            Candidates("a-1", [hit("1", "Plan", text=LONG)]),
            Candidates("b-2", [hit("1", " Plan ", text=spaced)]),
            Candidates("c-3", [hit("1", "Other", text=LONG)]),
        ],
        10,
    )
    assert sorted(len(one.places) for one in ranked) == [1, 2]


def test_short_texts_are_not_taken_for_the_same():
    ranked = fuse([Candidates(key, [hit("1", "Re:", text="Thanks!")]) for key in ("a-1", "b-2")], 10)
    assert len(ranked) == 2


def test_what_several_sources_have_stands_before_what_one_has():
    both = "https://a.example/both"
    ranked = fuse(
        [
            Candidates("a-1", [hit("1"), hit("2"), hit("3", url=both)]),
            Candidates("b-2", [hit("4"), hit("5"), hit("6", url=both)]),
        ],
        10,
    )
    assert ranked[0].best.hit.url == both


def test_nothing_in_is_nothing_out():
    assert list(fuse([], 10)) == []
    assert list(fuse([Candidates("a-1", [])], 10)) == []
