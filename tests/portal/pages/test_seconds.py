"""Limits of time as people type and read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.pages.seconds import in_ms, in_seconds, limit_in_seconds, told_in_seconds
from portal.refusals import Refusal


@pytest.mark.parametrize(
    ("typed", "ms"),
    [
        ("2.5", 2_500), ("2,5", 2_500), (" 4 ", 4_000), ("0.2", 200), (".25", 250), ("59.9994", 59_999), ("", None),
        ("  ", None),
    ],
)  # fmt: skip
def test_seconds_are_read_with_decimals(typed: str, ms: int | None):
    assert in_ms(typed) == ms


@pytest.mark.parametrize("typed", ["soon", "-1", "1e5", "1e999999999", "inf", "nan", "0000300", "1 000", "2.5 s", "٣"])
def test_what_is_no_such_number_is_a_length_that_no_limit_may_have(typed: str):
    assert in_ms(typed) == 0


@pytest.mark.parametrize("ms", [200, 333, 2_500, 4_000, 59_999, 60_000])
def test_what_is_shown_can_be_sent_back_unchanged(ms: int):
    assert in_ms(limit_in_seconds(ms)) == ms


def test_a_length_is_shown_without_what_it_does_not_need():
    assert (in_seconds(timedelta(seconds=4)), in_seconds(timedelta(milliseconds=2_500))) == ("4", "2.5")
    assert limit_in_seconds(None) == ""


def test_what_is_wrong_with_a_limit_stands_at_the_field_for_seconds_and_the_rest_stays():
    refusal = Refusal("Look again.", 422, {"deadline_ms": "At least 200.", "name": "This is needed."})
    told = told_in_seconds(refusal, {"deadline_ms": "deadline_s"})
    assert told.fields == {
        "deadline_s": "Write seconds between 0.2 and 60, as in 2.5.", "name": "This is needed.",
    }  # fmt: skip
