"""What a result set's cells mean: the SQL API sends every one of them as a string or null.

Encodings: docs.snowflake.com, "Handling responses", section "Getting the data from the results".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Final, cast

from pydantic import JsonValue

Cell = Decimal | date | time | bytes | JsonValue
"""A datetime is a date too. TIMESTAMP_NTZ is naive, the wall clock it was written by; the other two are aware."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY: Final = date(1970, 1, 1)
_MICROSECONDS: Final = 1_000_000
_ZONE_ZERO_MIN: Final = 1_440


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result set, its type in lower case: `fixed`, `timestamp_ltz`."""

    name: str
    type: str
    scale: int


def decode(column: Column, cell: str | None) -> Cell:
    """The cell as a Python value: NULL is None, FIXED an int or a Decimal, semi-structured values what their JSON says.

    Nanoseconds are cut to microseconds. What Python cannot hold (the year 10,000, a VARIANT that is no JSON) or has no
    type for stays the string that it was.
    """
    if cell is None:
        return None
    try:
        return _decoder(column)(cell)
    except (ValueError, ArithmeticError):
        return cell


def _decoder(column: Column) -> Callable[[str], Cell]:
    if column.type in _FIXED:
        return Decimal if column.scale else int
    return _DECODERS.get(column.type, str)


def _boolean(cell: str) -> Cell:
    return {"true": True, "false": False}.get(cell.lower(), cell)


def _date(cell: str) -> Cell:
    return _FIRST_DAY + timedelta(days=int(cell))


def _time(cell: str) -> Cell:
    return (_EPOCH + _seconds(cell)).time()


def _timestamp_ltz(cell: str) -> Cell:
    return _EPOCH + _seconds(cell)


def _timestamp_ntz(cell: str) -> Cell:
    return (_EPOCH + _seconds(cell)).replace(tzinfo=None)


def _timestamp_tz(cell: str) -> Cell:
    """`1616173619.000000000 1500`: seconds since the epoch, then the zone in minutes east of UTC, plus 1,440."""
    seconds, zone = cell.split(" ")
    offset = timezone(timedelta(minutes=int(zone) - _ZONE_ZERO_MIN))
    return (_EPOCH + _seconds(seconds)).astimezone(offset)


def _json(cell: str) -> Cell:
    return cast("JsonValue", json.loads(cell))


def _seconds(text: str) -> timedelta:
    """Exactly, where a float would be off by some microseconds."""
    return timedelta(microseconds=int(Decimal(text) * _MICROSECONDS))


_FIXED: Final = frozenset({"fixed", "number"})
_DECODERS: Final[Mapping[str, Callable[[str], Cell]]] = MappingProxyType(
    {
        "decfloat": Decimal,
        "real": float,
        "float": float,
        "double": float,
        "boolean": _boolean,
        "date": _date,
        "time": _time,
        "timestamp_ltz": _timestamp_ltz,
        "timestamp_ntz": _timestamp_ntz,
        "timestamp_tz": _timestamp_tz,
        "variant": _json,
        "object": _json,
        "array": _json,
        "map": _json,
        "vector": _json,
        "geography": _json,
        "geometry": _json,
        "binary": bytes.fromhex,
    }
)
