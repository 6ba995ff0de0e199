"""The order of what was found."""

from __future__ import annotations

import pytest

from handlers.outlook.ranking import best_first
from handlers.outlook.words import find_terms
from services.graph.values import Message, Person


def message(id: str, subject: str = "", body: str = "", sender: str = "Ben Ode") -> Message:
    return Message(
        id=id,
        subject=subject,
        sender=Person(sender, "someone@example.com"),
        to=(),
        cc=(),
        received_at=None,
        preview=body[:255],
        body=body,
        has_attachments=False,
        link="",
        conversation="",
    )


def order(typed: str, *messages: Message) -> list[str]:
    return [each.id for each in best_first(messages, find_terms(typed))]


def test_what_has_more_of_the_words_comes_first():
    found = order(
        "warehouse lease deposit",
        message("one", body="The deposit was paid."),
        message("all", body="The lease of the warehouse asks for a deposit."),
        message("two", body="The warehouse has a lease."),
    )
    assert found == ["all", "two", "one"]


def test_a_rare_word_counts_for_more_than_a_common_one():
    common = [message(f"c{n}", body="budget budget budget") for n in range(8)]
    assert order("budget tilburg", *common, message("rare", body="the budget of tilburg"))[0] == "rare"


@pytest.mark.parametrize(
    "match",
    [
        message("x", subject="The lease"),
        message("x", sender="Lease Desk"),
        message("x", body="LEASES"),
        message("x", body="It says (lease)."),
    ],
)
def test_subject_sender_and_beginnings_of_words_count(match):
    assert order("lease", message("other", body="release please"), match) == ["x", "other"]


def test_a_phrase_must_stand_together():
    apart = message("apart", body="after the break, a new clause " * 5)
    assert order('"break clause"', apart, message("together", body="a break-clause")) == ["together", "apart"]


def test_equals_keep_their_order_and_nothing_is_lost():
    same = [message(str(n), body="the lease") for n in range(5)]
    assert order("lease", *same) == ["0", "1", "2", "3", "4"]
    assert order("lease") == []
    assert order("zebra", *same) == ["0", "1", "2", "3", "4"]


def test_words_of_regular_expressions_are_words():
    assert order("a.b c+d e|f", message("1", body="a.b"), message("2", body="axb")) == ["1", "2"]
