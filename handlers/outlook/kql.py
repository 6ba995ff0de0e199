"""Terms as Keyword Query Language, the syntax of Graph's $search on messages.

Only this module writes KQL, and only from `Term`s: lower case letters, digits and marks, in quotes where they could be
an operator. Everything else of the syntax is ours, so that nothing typed is ever syntax ("Keyword Query Language (KQL)
syntax reference", Microsoft Learn: operators are upper case, a phrase stands in double quotes).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from handlers.outlook.words import Term

_OPERATORS: Final = frozenset({"and", "or", "not", "near", "onear", "words", "xrank", "all", "any"})


def every(terms: Sequence[Term]) -> str:
    """Messages with all of these terms, at least one being given."""
    return " AND ".join(map(_written, terms))


def at_least(needed: int, terms: Sequence[Term]) -> str:
    """Messages with any `needed` of these terms, 1 to all of them.

    KQL cannot count, so it is spelled out: two of a, b and c is `(a AND (b OR c)) OR (b AND c)`.
    """
    if needed == 1:
        return " OR ".join(map(_written, terms))
    if needed == len(terms):
        return every(terms)
    first, rest = terms[0], terms[1:]
    return f"({_written(first)} AND ({at_least(needed - 1, rest)})) OR ({at_least(needed, rest)})"


def _written(term: Term) -> str:
    text = " ".join(term.words)
    return f'"{text}"' if term.is_phrase or text in _OPERATORS else text
