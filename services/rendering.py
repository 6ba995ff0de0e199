"""Values out of databases and warehouses as text for people and agents."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal

LONGEST_VALUE = 100_000
"""Characters of one value that are told; a longer one ends in an ellipsis."""


def as_text(value: object) -> str:
    """NULL is "", moments are ISO 8601, numbers are written out, JSON is JSON, bytes are told by their size only."""
    match value:
        case None:
            text = ""
        case bool():
            text = "true" if value else "false"
        case datetime() | date() | time():
            text = value.isoformat()
        case Decimal():
            text = format(value, "f")
        case bytes() | bytearray() | memoryview():
            text = f"({len(bytes(value))} bytes)"
        case dict() | list() | tuple():
            text = json.dumps(value, ensure_ascii=False, default=as_text)
        case set() | frozenset():
            text = ", ".join(sorted(as_text(part) for part in value))
        case timedelta():
            text = str(value)
        case _:
            text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def as_lines(pairs: Iterable[tuple[str, object]]) -> str:
    """`name: value`, one per line; what is NULL is left out."""
    return "\n".join(f"{name}: {as_text(value)}" for name, value in pairs if value is not None)
