"""Queries in KQL, read back by the stand-in's parser, which was written from Microsoft's description of the syntax."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.outlook.kql import at_least, every
from handlers.outlook.planning import plan
from handlers.outlook.words import Term, find_terms
from sandbox.graph.kql import All, Any, Node, Not, Restriction, Words, parse, parse_search

SYNTAX = st.sampled_from(
    [
        *(
            "AND",
            "OR",
            "NOT",
            "NEAR",
            "NEAR(3)",
            "ONEAR",
            "XRANK(cb=100)",
            "WORDS(",
            "ALL",
            "ANY",
            "and",
            "\uff21\uff2e\uff24",
        ),
        *('"', "\\", '\\"', "(", ")", "*", ":", "<", ">", "=", "<>", "..", "+", "-", "'", "\u201c", "\u201d", "`", "~"),
        *("subject:", "from:ann", "body:(", "received>=2026-01-01", "hasattachments:true", "kind:im", "size:1..9"),
        *("%22", "&$top=1000", "\r\n", "\0", "\ud800", "\u202e", "lease", "Tilburg", "INV-17", "caf\u00e9"),
    ]
)
TYPED = st.one_of(
    st.text(max_size=80), st.lists(SYNTAX, max_size=12).map(" ".join), st.lists(SYNTAX, max_size=12).map("".join)
)


def term(text: str) -> Term:
    return Term(tuple(text.split()), len(text))


def leaves(node: Node) -> list[Node]:
    match node:
        case All(parts) | Any(parts):
            return [leaf for part in parts for leaf in leaves(part)]
        case _:
            return [node]


def holds(node: Node, present: set[str]) -> bool:
    match node:
        case All(parts):
            return all(holds(part, present) for part in parts)
        case Any(parts):
            return any(holds(part, present) for part in parts)
        case Words(text):
            return text in present
        case Not() | Restriction():
            raise AssertionError("nothing of ours asks for that")


@given(TYPED)
def test_nothing_that_is_typed_becomes_syntax(typed):
    terms = find_terms(typed)
    if not terms:
        return
    texts = {" ".join(each.words) for each in terms}
    for query in plan(terms).rungs:
        escaped = query.replace("\\", "\\\\").replace('"', '\\"')
        read = parse_search(f'"{escaped}"')
        assert read is not None
        for leaf in leaves(read):
            assert isinstance(leaf, Words)
            assert leaf.text in texts
            assert not leaf.is_prefix


@given(TYPED)
def test_operators_stand_in_a_query_only_where_we_put_them(typed):
    terms = find_terms(typed)
    if terms:
        assert every(terms).count(" AND ") == len(terms) - 1
        assert at_least(1, terms).count(" OR ") == len(terms) - 1
        assert every(terms).count('"') == 2 * sum(f'"{" ".join(each.words)}"' in every(terms) for each in terms)


@pytest.mark.parametrize(("needed", "count"), [(n, m) for m in range(1, 7) for n in range(1, m + 1)] + [(2, 8), (3, 8)])
def test_at_least_means_exactly_that(needed, count):
    names = [f"w{n}" for n in range(count)]
    read = parse(at_least(needed, [term(name) for name in names]))
    assert read is not None
    subsets = [set(chosen) for size in range(count + 1) for chosen in itertools.combinations(names, size)]
    for present in subsets:
        assert holds(read, present) == (len(present) >= needed)


def test_phrases_and_operators_stand_in_quotes():
    assert (
        every([term("break clause"), term("lease"), term("and"), term("near")])
        == '"break clause" AND lease AND "and" AND "near"'
    )
