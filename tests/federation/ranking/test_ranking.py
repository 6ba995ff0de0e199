"""What comes first, what is merged, and what is said about it."""

from __future__ import annotations

import time

import pytest

from federation.ranking.merging import Candidates
from federation.ranking.ranking import is_light, rank
from handlers.base import Hit
from tests.scripted import hit

LONG = "the same text, long enough that it cannot be equal by chance; " * 2
URL = "https://a.example/x"


def order(question: str, **sources: list[Hit]) -> list[str]:
    """Ids in the order in which they come out."""
    lists = [Candidates(key, hits) for key, hits in sources.items()]
    return [one.best.hit.id for one in rank(question, lists, 100)]


def test_a_text_that_answers_stands_before_a_source_that_put_something_else_first():
    mail = [hit("m1", text="lunch on friday"), hit("m2", text="the turbines are oiled every spring by the crew")]
    files = [hit("f1", text="holiday plan"), hit("f2", text="minutes of the board")]
    assert order("when are the turbines oiled", mail=mail, files=files)[0] == "m2"


def test_a_rare_word_tells_more_than_a_common_one():
    found = [hit("common", text="the report of the meeting"), hit("rare", text="the zeppelin of the museum")]
    assert order("report about the zeppelin", a=found)[0] == "rare"


def test_a_word_in_the_title_counts_more_than_in_the_text():
    found = [hit("text", "Note", text="turbine and more"), hit("title", "Turbine", text="and more words")]
    assert order("turbine", a=found)[0] == "title"


def test_other_forms_of_a_word_are_found():
    found = [hit("other", text="nothing of interest in here"), hit("forms", text="she studies the flies")]
    assert order("study a fly", a=found)[0] == "forms"


def test_an_identifier_means_itself():
    near = [
        hit(str(number), text=f"Invoice INV-{number} of the harbour office") for number in (2040, 2042, 20411, 2041)
    ]
    assert order("what was INV-2041 for", a=near)[0] == "2041"


def test_a_number_with_points_is_not_any_other_with_its_digits():
    found = [hit("no", text="3 people, 8 boats and 1 crane"), hit("yes", text="fixed in firmware 3.8.1 of the logger")]
    assert order("firmware 3.8.1", a=found)[0] == "yes"


def test_stop_words_alone_are_better_than_nothing():
    found = [hit("no", text="a red boat"), hit("yes", text="to be or not to be")]
    assert order("to be or not to be", a=found)[0] == "yes"


def test_hits_without_a_text_are_ordered_by_title_and_place():
    found = [hit("1", "Plan.docx"), hit("2", "Lease.pdf"), hit("3", "Harbour lease.pdf")]
    assert order("harbour lease", a=found) == ["3", "2", "1"]


def test_the_same_page_in_two_sources_is_one_hit_that_names_both():
    lists = [Candidates("a-1", [hit("1", url=URL), hit("2")]), Candidates("b-2", [hit("3"), hit("9", url=URL)])]
    ranked = rank("", lists, 10)
    assert [(place.key, place.hit.id) for place in ranked[0].places] == [("a-1", "1"), ("b-2", "9")]
    assert ranked[0].score == pytest.approx(3 / 61 + 3 / 62)
    assert len(ranked) == 3


def test_a_merged_hit_shows_the_text_that_one_of_its_sources_has():
    lists = [Candidates("a-1", [hit("1", url=URL)]), Candidates("b-2", [hit("3"), hit("9", url=URL, text="of b")])]
    assert rank("", lists, 10)[0].text == "of b"


def test_the_same_long_text_under_the_same_title_is_one_hit():
    spaced = LONG.replace(" ", "  \n")
    lists = [
        Candidates("a-1", [hit("1", "Plan", text=LONG)]),
        Candidates("b-2", [hit("1", " Plan ", text=spaced)]),
        Candidates("c-3", [hit("1", "Other", text=LONG)]),
    ]
    assert sorted(len(one.places) for one in rank("", lists, 10)) == [1, 2]


def test_a_text_of_some_length_is_the_same_thing_under_any_title():
    lists = [Candidates(key, [hit("1", key, text=LONG * 2)]) for key in ("a-1", "b-2")]
    assert [len(one.places) for one in rank("", lists, 10)] == [2]


def test_texts_that_only_begin_alike_are_two_things():
    lists = [Candidates(key, [hit("1", "Contract", text=LONG * 3 + key)]) for key in ("a-1", "b-2")]
    assert len(rank("", lists, 10)) == 2


def test_short_texts_are_not_taken_for_the_same():
    assert len(rank("", [Candidates(key, [hit("1", "Re:", text="Thanks!")]) for key in ("a-1", "b-2")], 10)) == 2


def test_the_words_that_were_found_are_named_with_what_they_added():
    (one,) = rank("turbine zeppelin notice", [Candidates("a-1", [hit("1", "Turbine", text="notice, notices")])], 10)
    assert {(word.word, word.count, word.in_title) for word in one.words} == {
        ("turbine", 1, True),
        ("notice", 2, False),
    }


def test_nothing_in_is_nothing_out():
    assert list(rank("anything", [], 10)) == []
    assert list(rank("anything", [Candidates("a-1", [])], 10)) == []


def test_of_a_huge_text_the_beginning_is_read():
    found = [hit("end", text="x " * 1_000_000 + "zeppelin"), hit("beginning", text="zeppelin " + "x " * 1_000_000)]
    assert not is_light([Candidates("a-1", found)])
    first, second = rank("zeppelin", [Candidates("a-1", found)], 10)
    assert (first.best.hit.id, bool(second.words)) == ("beginning", False)


def test_eight_full_lists_take_no_time_to_speak_of():
    text = "an experimental study of a wing in a propeller slipstream was made at different angles of attack . " * 3
    lists = [
        Candidates(f"s-{key}", [hit(f"{key}-{number}", text=f"{text} {key} {number}") for number in range(100)])
        for key in range(8)
    ]
    started = time.process_time()
    assert len(rank("lift of a wing in a slipstream", lists, 20)) == 20
    assert time.process_time() - started < 2
