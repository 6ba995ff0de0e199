"""How long to wait, for programs and for people, and the pages that say so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.requests import Request

from errors import DatabaseAway, Forbidden, GatehouseError, Overloaded, SourcePaused, TooManyRequests
from web.problems import error_response
from web.waits import in_words, wait_after


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"), (41, "41 seconds"), (120, "120 seconds"), (121, "3 minutes"), (900, "15 minutes"),
        (7_200, "120 minutes"), (7_201, "3 hours"), (0.2, "1 second"),
    ],
)  # fmt: skip
def test_a_wait_is_told_in_the_unit_that_fits_and_never_shorter_than_it_is(seconds: float, words: str):
    assert in_words(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (TooManyRequests("x", timedelta(seconds=40.2)), 41),
        (Overloaded("x", timedelta(0)), 1),
        (DatabaseAway(), 2),
        (SourcePaused("x", timedelta(minutes=5)), 300),
    ],
)
def test_what_passes_by_waiting_says_how_long_in_whole_seconds(error: GatehouseError, seconds: int):
    assert wait_after(error) == timedelta(seconds=seconds)


def test_waiting_is_no_advice_against_what_stays_forbidden():
    assert wait_after(Forbidden("x")) is None


def page(error: GatehouseError, method: str, **headers: str) -> str:
    told = {"accept": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}
    pairs = [(name.encode(), value.encode()) for name, value in told.items()]
    scope = {"type": "http", "method": method, "path": "//evil.example.com", "query_string": b"", "headers": pairs}
    return bytes(error_response(Request(scope), error).body).decode()


def test_a_page_says_when_to_try_again_and_links_to_itself_where_a_link_asks_for_the_same():
    error = TooManyRequests("Wait.", timedelta(seconds=41))
    asked, sent = page(error, "GET"), page(error, "POST")
    assert "You can try again in 41 seconds." in asked
    assert '<a class="btn btn-primary" href="">' in asked
    assert "evil.example.com" not in asked
    assert "Reload this page in 41 seconds." in sent
    assert 'href=""' not in sent
    assert "You can try again in 41 seconds." in page(error, "POST", hx_request="true")


def test_a_page_about_anything_else_does_not_speak_of_waiting():
    told = page(Forbidden("You may not."), "GET")
    assert "again" not in told
    assert '<a class="btn btn-primary" href="/">' in told
