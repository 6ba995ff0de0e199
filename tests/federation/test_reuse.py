"""What is kept of answers: for how long, how much, and for whom."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from federation.protection.reuse import MOST_ANSWERS, MOST_BYTES, KeptAnswers, Question
from tests.federation.test_breaker import Hand

ONE = Question(UUID(int=1), UUID(int=2), 1, "plans", 50)


def kept_answers(clock: Hand | None = None, lifetime_s: float = 30) -> KeptAnswers[str]:
    return KeptAnswers(timedelta(seconds=lifetime_s), len, clock or Hand())


def test_an_answer_is_given_again_until_its_time_is_over():
    clock = Hand()
    kept = kept_answers(clock)
    kept.keep(ONE, "answer")
    clock.now += 29.9
    assert kept.find(ONE) == "answer"
    clock.now += 0.1
    assert kept.find(ONE) is None
    assert len(kept) == kept.size_bytes == 0


def test_every_part_of_the_question_counts():
    kept = kept_answers()
    kept.keep(ONE, "answer")
    others = [
        ONE._replace(assignment_id=uuid4()),
        ONE._replace(source_id=uuid4()),
        ONE._replace(version=2),
        ONE._replace(text="Plans"),
        ONE._replace(limit=51),
    ]
    assert [kept.find(other) for other in others] == [None] * 5


def test_a_lifetime_of_nothing_keeps_nothing():
    kept = kept_answers(lifetime_s=0)
    kept.keep(ONE, "answer")
    assert len(kept) == 0


def test_what_is_dropped_for_one_source_stays_for_the_others():
    kept = kept_answers()
    other = ONE._replace(source_id=uuid4())
    kept.keep(ONE, "answer")
    kept.keep(ONE._replace(text="more"), "answer")
    kept.keep(other, "other")
    kept.drop(ONE.source_id)
    assert kept.find(ONE) is None
    assert kept.find(other) == "other"
    assert len(kept) == 1


def test_what_nobody_asks_for_again_does_not_stay_in_memory():
    clock = Hand()
    kept = kept_answers(clock)
    kept.keep(ONE, "answer")
    clock.now += 15
    kept.keep(ONE._replace(text="later"), "answer")
    clock.now += 16
    kept.drop_expired()
    assert len(kept) == 1
    assert kept.size_bytes == len("answer")


def test_an_answer_that_would_push_everything_else_out_is_not_kept():
    kept = kept_answers()
    kept.keep(ONE, "x" * (MOST_BYTES // 8 + 1))
    assert len(kept) == 0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, MOST_BYTES // 8)), max_size=60))
def test_it_never_holds_more_than_it_may_and_those_asked_for_last_stay(asked: list[tuple[int, int]]):
    kept: KeptAnswers[int] = KeptAnswers(timedelta(seconds=30), lambda size: size, Hand())
    latest: list[int] = []
    for number, size in asked:
        kept.keep(ONE._replace(limit=number), size)
        latest = [*(other for other in latest if other != number), number]
        assert kept.size_bytes <= MOST_BYTES
        held = [number for number in latest if kept.find(ONE._replace(limit=number)) is not None]
        assert held == latest[len(latest) - len(held) :]
        assert kept.size_bytes == sum(kept.find(ONE._replace(limit=number)) or 0 for number in held)


def test_it_never_holds_more_answers_than_it_may():
    kept = kept_answers()
    for number in range(MOST_ANSWERS + 10):
        kept.keep(ONE._replace(limit=number), "x")
    assert len(kept) == MOST_ANSWERS
    assert kept.find(ONE._replace(limit=9)) is None
    assert kept.find(ONE._replace(limit=10)) == "x"
