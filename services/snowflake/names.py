"""Snowflake's identifiers: as people write them, as they are stored, and as SQL and URLs want them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

LONGEST_NAME: Final = 255

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_STORED_PLAIN: Final = re.compile(r"[A-Z_][A-Z0-9_$]*")
_QUOTED: Final = re.compile(r'"(?:[^"\x00-\x1f\x7f]|"")+"')


def stored_name(written: str) -> str:
    """The name that Snowflake keeps for what somebody wrote: upper case, unless it stands in double quotes.

    Docs, "Identifier requirements". Raises ValueError with advice.
    """
    if _PLAIN.fullmatch(written):
        stored = written.upper()
    elif _QUOTED.fullmatch(written):
        stored = written[1:-1].replace('""', '"')
    else:
        raise ValueError(
            "write the name alone, without a database or schema before it; "
            'in "double quotes" if it has small letters, spaces or signs that matter'
        )
    if len(stored) > LONGEST_NAME:
        raise ValueError(f"a name has at most {LONGEST_NAME} characters")
    return stored


def in_sql(stored: str) -> str:
    """The stored name as SQL takes it literally."""
    return '"' + stored.replace('"', '""') + '"'


def in_url(stored: str) -> str:
    """The stored name as one segment of a REST path: quoted where it is not a plain one, then percent-encoded.

    cortex-search-service.yaml of snowflakedb/snowflake-rest-api-specs, schema `Identifier`.
    """
    return quote(stored if _STORED_PLAIN.fullmatch(stored) else in_sql(stored), safe="")
