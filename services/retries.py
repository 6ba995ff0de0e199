"""When a request is sent once more. Everything that is asked of vendors only reads, so each may be repeated."""

from __future__ import annotations

import asyncio
import random
from contextvars import ContextVar
from datetime import timedelta
from http import HTTPStatus
from typing import Final

LONGEST_PAUSE: Final = timedelta(seconds=2)
"""Whoever asks for more patience than this is told so to the caller instead: a search has 4 s in all."""
WORTH_TRYING: Final = timedelta(seconds=1)
"""With less time than this left after the pause, the first failure is told, rather than that the second try took too
long."""
_SHARE: Final = 0.2
_RESERVE: Final = 3.0
_PAUSES_S: Final = (0.1, 0.4)
"""Somewhere between these, so that callers who failed together do not return together."""

_wanted_by: ContextVar[float | None] = ContextVar("wanted_by", default=None)
"""By the event loop's clock."""


def answer_within(time_left: timedelta) -> None:
    """In this task and those it starts, whoever waits for the answer gives up after so long."""
    _wanted_by.set(asyncio.get_running_loop().time() + time_left.total_seconds())


def is_worth(pause: timedelta) -> bool:
    """Whether there is time for this pause and for another try."""
    wanted_by = _wanted_by.get()
    if wanted_by is None:
        return True
    return asyncio.get_running_loop().time() + (pause + WORTH_TRYING).total_seconds() <= wanted_by


class RetryBudget:
    """Lets one request in five be repeated, and a few at once: a single mishap is mended, an outage not doubled."""

    def __init__(self) -> None:
        self._left = _RESERVE

    def earn(self) -> None:
        """A request was sent for the first time."""
        self._left = min(self._left + _SHARE, _RESERVE)

    def spend(self) -> bool:
        """Whether one may be repeated now."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


def pause_after(status: int | None, retry_after: timedelta | None) -> timedelta | None:
    """How long to wait before asking once more, after an answer of this status or, None, a connection that broke; None
    where the answer stands, or no time is left."""
    if status is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        # Being asked for fewer requests, without a word about when, is not answered with one more.
        wanted = retry_after if status == HTTPStatus.TOO_MANY_REQUESTS else None
    else:
        wanted = retry_after or timedelta(seconds=random.uniform(*_PAUSES_S))  # noqa: S311 - spreads callers out
    return wanted if wanted is not None and wanted <= LONGEST_PAUSE and is_worth(wanted) else None
