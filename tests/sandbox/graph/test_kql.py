"""The parser alone: what binds how, and that no text at all makes it fall over."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.graph.kql import All, Any, KqlSyntaxError, Not, Restriction, Words, parse, parse_search

SYNTAX = st.text(alphabet='abAND ORNT"\\:()*<>=-+.é0', max_size=30)


def words(*texts: str) -> tuple[Words, ...]:
    return tuple(Words(text) for text in texts)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", None),
        ("  & ,  ", None),
        ("a", Words("a")),
        ("a b", All(words("a", "b"))),
        ("a AND b", All(words("a", "b"))),
        ("a OR b c", Any((Words("a"), All(words("b", "c"))))),
        ("(a OR b) c", All((Any(words("a", "b")), Words("c")))),
        ("a NOT b", All((Words("a"), Not(Words("b"))))),
        ("a -b +c", All((Words("a"), Not(Words("b")), Words("c")))),
        ("a-b", Words("a-b")),
        ("or and not", All(words("or", "and", "not"))),
        ("ANDROID", Words("ANDROID")),
        ('"a b" c*', All((Words("a b"), Words("c", is_prefix=True)))),
        ("from:a subject:b", All((Restriction("from", ":", "a"), Restriction("subject", ":", "b")))),
        ("from:a from:b", Any((Restriction("from", ":", "a"), Restriction("from", ":", "b")))),
        (
            "received>=2026-01-01 received<2026-02-01",
            All((Restriction("received", ">=", "2026-01-01"), Restriction("received", "<", "2026-02-01"))),
        ),
        ('Subject:(a "b c")', All((Restriction("subject", ":", "a"), Restriction("subject", ":", "b c")))),
        ("size:1..500", Restriction("size", ":", "1..500")),
        ("sent:2026-01-01T10:00:00Z", Restriction("sent", ":", "2026-01-01T10:00:00Z")),
    ],
)
def test_what_binds_how(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("option", "tree"),
    [
        ('"a b"', All(words("a", "b"))),
        (r'"\"a b\""', Words("a b")),
        (r'"subject:\"a b\""', Restriction("subject", ":", "a b")),
        ('"a" AND "b"', All(words("a", "b"))),
        ('"a" "b" OR "c"', Any((All(words("a", "b")), Words("c")))),
        ("a b", All(words("a", "b"))),
        ('""', None),
    ],
)
def test_quotes_around_it(option, tree):
    assert parse_search(option) == tree


@pytest.mark.parametrize("option", ['"a', '"a" AND', '"a" b', '"a"b"', "a(b", "a1", '"a:', '"(((a"', '"NEAR(2)"'])
def test_what_is_no_search(option):
    with pytest.raises(KqlSyntaxError, match=r"^Syntax error: "):
        parse_search(option)


def test_parentheses_may_not_be_endless():
    with pytest.raises(KqlSyntaxError):
        parse("(" * 2_000 + "a" + ")" * 2_000)


@settings(deadline=None)  # the machine may be busy
@given(st.one_of(SYNTAX, st.text(max_size=30)))
def test_any_text_is_kql_or_told_to_be_none(text):
    for read in (parse, parse_search):
        with suppress(KqlSyntaxError):
            read(text)
