"""How the stand-ins behave where a vendor's own pace would be too slow, or too rare, for a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

Source = Literal["entra", "graph", "box", "snowflake"]
SOURCES: tuple[Source, ...] = get_args(Source)

Clock = Callable[[], datetime]
"""The time, as aware UTC: what tokens expire by and quotas count by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """The vendors' own figures, unless said otherwise."""

    latency: timedelta = timedelta(0)
    """Passes before every answer, with the request counted as under way."""
    token_lifetime: timedelta = timedelta(seconds=3599)
    """Of Entra's and Box's tokens."""
    sync_wait: timedelta = timedelta(seconds=45)
    """How long Snowflake holds a statement's request before it answers 202."""
    statement_time: timedelta = timedelta(0)
    """What every statement takes in the warehouse, beside what it asks for with SYSTEM$WAIT."""
    partition_rows: int = 1000
    """Rows in one partition of a statement's result. Snowflake cuts by size."""
    representation_polls: int = 1
    """How often a Box representation says "pending" after it was asked for, before it is there."""
