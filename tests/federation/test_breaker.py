"""The breaker, held against a simple model of its rules under a clock that the test moves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from errors import SourcePaused
from federation.protection.breaker import Breaker, Permit, Verdict

ENDS = (Verdict.ANSWERED, Verdict.FAILED, Verdict.DROPPED)


@dataclass
class Hand:
    """Seconds, moved by the test."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Opened:
    """A breaker, and how often it has opened."""

    clock: Hand = field(default_factory=Hand)
    times: int = 0

    def breaker(self) -> Breaker:
        def count() -> None:
            self.times += 1

        return Breaker(self.clock, count)


def call(breaker: Breaker, verdict: Verdict, times: int = 1) -> None:
    for _ in range(times):
        breaker.admit().end(verdict)


def refusal(breaker: Breaker) -> SourcePaused:
    with pytest.raises(SourcePaused) as raised:
        breaker.admit()
    return raised.value


def test_five_failures_in_a_row_open_it_and_four_do_not():
    watch = Opened()
    breaker = watch.breaker()
    for _ in range(3):
        call(breaker, Verdict.FAILED, 4)
        call(breaker, Verdict.ANSWERED, 10)
    assert not breaker.is_open
    call(breaker, Verdict.FAILED, 5)
    assert breaker.is_open
    assert watch.times == 1


def test_half_of_ten_calls_open_it_and_fewer_do_not():
    watch = Opened()
    breaker = watch.breaker()
    for _ in range(4):
        call(breaker, Verdict.FAILED)
        call(breaker, Verdict.ANSWERED)
    call(breaker, Verdict.ANSWERED)
    assert not breaker.is_open  # 4 of 9
    call(breaker, Verdict.FAILED)
    assert breaker.is_open


def test_what_happened_more_than_a_minute_ago_does_not_count():
    watch = Opened()
    breaker = watch.breaker()
    for _ in range(4):
        call(breaker, Verdict.FAILED)
        call(breaker, Verdict.ANSWERED)
    watch.clock.now += 61
    call(breaker, Verdict.ANSWERED)
    call(breaker, Verdict.FAILED)
    assert not breaker.is_open


def test_while_open_nobody_is_let_through_and_everybody_is_told_until_when():
    watch = Opened()
    breaker = watch.breaker()
    call(breaker, Verdict.FAILED, 5)
    watch.clock.now += 6.5
    paused = refusal(breaker)
    assert paused.retry_after.total_seconds() == 24
    assert paused.message == "Paused because it failed again and again. It is tried again in 24 s."


def test_after_half_a_minute_one_at_a_time_may_try():
    watch = Opened()
    breaker = watch.breaker()
    call(breaker, Verdict.FAILED, 5)
    watch.clock.now += 30
    probe = breaker.admit()
    assert "being tried again right now" in refusal(breaker).message
    probe.end(Verdict.DROPPED)
    breaker.admit().end(Verdict.FAILED)
    refusal(breaker)
    watch.clock.now += 30
    call(breaker, Verdict.ANSWERED)
    assert not breaker.is_open
    call(breaker, Verdict.FAILED, 4)
    assert not breaker.is_open
    assert watch.times == 2


def test_a_call_from_before_says_nothing_about_now():
    watch = Opened()
    breaker = watch.breaker()
    old = breaker.admit()
    call(breaker, Verdict.FAILED, 5)
    old.end(Verdict.ANSWERED)
    assert breaker.is_open


def test_what_a_permit_is_told_first_stands():
    breaker = Opened().breaker()
    call(breaker, Verdict.FAILED, 4)
    permit = breaker.admit()
    permit.end(Verdict.DROPPED)
    permit.end(Verdict.FAILED)
    assert not breaker.is_open


def test_who_asks_in_spite_of_it_closes_it_with_an_answer_and_prolongs_nothing_with_a_failure():
    watch = Opened()
    breaker = watch.breaker()
    call(breaker, Verdict.FAILED, 5)
    watch.clock.now += 10
    breaker.admit(even_if_open=True).end(Verdict.FAILED)
    assert refusal(breaker).retry_after.total_seconds() == 20
    breaker.admit(even_if_open=True).end(Verdict.ANSWERED)
    assert not breaker.is_open


class BreakerMachine(RuleBasedStateMachine):
    """The model keeps every call that ended, and works everything out from the list."""

    permits = Bundle("permits")

    def __init__(self) -> None:
        super().__init__()
        self.watch = Opened()
        self.breaker = self.watch.breaker()
        self.ended: list[tuple[float, bool]] = []
        """When each call of this era ended, and whether it failed."""
        self.era = 0
        self.open_until: float | None = None
        self.probe: Permit | None = None

    @rule(by=st.sampled_from([0.0, 0.4, 1.0, 7.0, 29.0, 30.0, 61.0]))
    def time_passes(self, by: float) -> None:
        self.watch.clock.now += by

    @rule(target=permits)
    def begin(self):
        now = self.watch.clock.now
        refused = self.open_until is not None and (now < self.open_until or self.probe is not None)
        if refused:
            refusal(self.breaker)
            return multiple()
        permit = self.breaker.admit()
        if self.open_until is not None:
            self.probe = permit
        return permit, self.era

    @rule(target=permits)
    def begin_in_spite_of_it(self):
        return self.breaker.admit(even_if_open=True), self.era

    @rule(drawn=consumes(permits), verdict=st.sampled_from(ENDS), again=st.sampled_from(ENDS))
    def end(self, drawn: tuple[Permit, int], verdict: Verdict, again: Verdict) -> None:
        permit, era = drawn
        permit.end(verdict)
        permit.end(again)
        is_probe = permit is self.probe
        if is_probe:
            self.probe = None
        if era != self.era or verdict is Verdict.DROPPED:
            return
        if self.open_until is None:
            self.ended.append((self.watch.clock.now, verdict is Verdict.FAILED))
            if verdict is Verdict.FAILED and self._is_bad():
                self._turn(open_until=self.watch.clock.now + 30)
        elif verdict is Verdict.ANSWERED:
            self._turn(open_until=None)
        elif is_probe:
            self._turn(open_until=self.watch.clock.now + 30)

    @rule(count=st.integers(1, 12), verdict=st.sampled_from([Verdict.ANSWERED, Verdict.FAILED]))
    def many(self, count: int, verdict: Verdict) -> None:
        for _ in range(count):
            begun = self.begin()
            if isinstance(begun, tuple):
                self.end(begun, verdict, verdict)

    @invariant()
    def agrees(self) -> None:
        assert self.breaker.is_open == (self.open_until is not None)

    def _is_bad(self) -> bool:
        last = [failed for _, failed in self.ended[-5:]]
        now = math.floor(self.watch.clock.now)
        recent = [failed for at, failed in self.ended if math.floor(at) > now - 60]
        return last == [True] * 5 or (len(recent) >= 10 and sum(recent) * 2 >= len(recent))

    def _turn(self, open_until: float | None) -> None:
        self.open_until = open_until
        self.probe = None
        self.ended = []
        self.era += 1


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
