"""When to come again: for programs as Retry-After, for people in words."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Final

from errors import DatabaseAway, GatehouseError, Overloaded, SourcePaused, TooManyRequests

_UNITS: Final = ((3_600, "hour"), (60, "minute"))
_FEW: Final = 2
"""Up to so many of a unit are told in the next smaller one: 90 seconds, not 2 minutes."""


def wait_after(error: GatehouseError) -> timedelta | None:
    """In whole seconds, at least one; None for an error that does not pass by waiting."""
    if not isinstance(error, (TooManyRequests, Overloaded, DatabaseAway, SourcePaused)):
        return None
    return timedelta(seconds=max(1, math.ceil(error.retry_after.total_seconds())))


def in_words(wait: timedelta) -> str:
    """`40 seconds`, `15 minutes`: never less than it is."""
    seconds = math.ceil(wait.total_seconds())
    for length, unit in _UNITS:
        if seconds > _FEW * length:
            return f"{math.ceil(seconds / length)} {unit}s"
    return "1 second" if seconds == 1 else f"{seconds} seconds"
