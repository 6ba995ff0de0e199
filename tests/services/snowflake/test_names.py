"""Identifiers, as written, stored, and put into SQL and URLs."""

from __future__ import annotations

import pytest

from services.snowflake.names import in_sql, in_url, stored_name


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("docs", "DOCS"),
        ("Docs_2$", "DOCS_2$"),
        ('"docs"', "docs"),
        ('"My ""best"" docs"', 'My "best" docs'),
        ('"a.b"', "a.b"),
    ],
)
def test_small_letters_count_only_in_quotes(written, stored):
    assert stored_name(written) == stored


@pytest.mark.parametrize(
    "written", ["", "a b", "a.b", "1st", 'a"b', '"a', '"a"b"', '""', "a;drop", "a--", "naïve", '"a\nb"', "a" * 256]
)
def test_what_is_no_single_name_is_refused(written):
    with pytest.raises(ValueError, match=r"."):
        stored_name(written)


def test_a_name_cannot_leave_its_quotes_in_sql():
    assert in_sql('x" ; drop table t; --') == '"x"" ; drop table t; --"'


def test_a_name_is_one_segment_of_a_path():
    assert in_url("DOCS") == "DOCS"
    assert in_url("docs") == "%22docs%22"
    assert in_url("a/../b") == "%22a%2F..%2Fb%22"
