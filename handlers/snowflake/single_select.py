"""Whether SQL that something else wrote is one query and nothing more.

It is a lint that refuses early and plainly, system functions (SYSTEM$CANCEL_ALL_QUERIES) among the rest. What holds is
Snowflake's side: a role that may only select, and `multi_statement_count` 1.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      (?P<gap>      \s+ | (?:--|//)[^\n]* | /\*.*?\*/ )
    | (?P<quoted>   '(?:[^'\\]|''|\\.)*' | "(?:[^"]|"")*" | \$\$.*?\$\$ )
    | (?P<word>     [^\W\d][\w$]* )
    | (?P<sign>     ->> | . )
    """,
    re.DOTALL | re.VERBOSE,
)
_FORBIDDEN: Final = frozenset(
    {
        ";",
        "CALL",  # WITH p AS PROCEDURE ... CALL p(): an anonymous procedure, which may do anything
        "PROCEDURE",
        "->>",  # the flow operator strings statements of any kind together
    }
)


class NotASelect(ValueError):
    """The SQL is something else than one SELECT, with or without a WITH before it."""


def single_select(sql: str) -> str:
    """The query, without semicolons and comments behind it. Raises NotASelect."""
    significant = [match for match in _TOKEN.finditer(sql) if match.lastgroup != "gap"]
    while significant and significant[-1].group() == ";":
        significant.pop()
    tokens = [_meaning(match) for match in significant]
    begins = next((each for each in tokens if each != "("), "")
    if begins not in ("SELECT", "WITH") or any(_is_forbidden(each) for each in tokens) or _is_unclosed(tokens):
        raise NotASelect
    return sql[: significant[-1].end()]


def _meaning(match: re.Match[str]) -> str:
    """Words in upper case, and nothing of what stands in quotes."""
    return "''" if match.lastgroup == "quoted" else match.group().upper()


def _is_forbidden(token: str) -> bool:
    return token in _FORBIDDEN or token.startswith("SYSTEM$")


def _is_unclosed(tokens: list[str]) -> bool:
    """Whether a string or a comment has no end: what begins one would else be part of a longer token."""
    return not {"'", '"'}.isdisjoint(tokens) or any(pair in (("/", "*"), ("$", "$")) for pair in pairwise(tokens))
