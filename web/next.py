"""Where a person goes after signing in: only to a page of this very host."""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 8_000
_PATH: Final = re.compile(r"/(?:[^\s/\\\x00-\x1f\x7f][^\s\\\x00-\x1f\x7f]*)?")
"""One slash and no second one, no backslash (browsers take it for a slash) and nothing that they would leave out
(tabs and line ends: `/<tab>/evil.example.com` is another host to them)."""


def safe_next(given: str, otherwise: str = "/") -> str:
    """The path with its query, if it is one of this host; else `otherwise`."""
    return given if len(given) <= _LONGEST and _PATH.fullmatch(given) else otherwise
