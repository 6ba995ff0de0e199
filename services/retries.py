"""When a request is sent once more. Everything that is asked of vendors only reads, so each may be repeated."""

from __future__ import annotations

import random
from datetime import timedelta
from http import HTTPStatus
from typing import Final

LONGEST_PAUSE: Final = timedelta(seconds=2)
"""Whoever asks for more patience than this is told so to the caller instead: a search has 4 s in all."""
_SHARE: Final = 0.2
_RESERVE: Final = 3.0
_PAUSES_S: Final = (0.1, 0.4)
"""Somewhere between these, so that callers who failed together do not return together."""


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
    where the answer stands."""
    if status is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        # Being asked for fewer requests, without a word about when, is not answered with one more.
        wanted = retry_after if status == HTTPStatus.TOO_MANY_REQUESTS else None
    else:
        wanted = retry_after or timedelta(seconds=random.uniform(*_PAUSES_S))  # noqa: S311 - spreads callers out
    return wanted if wanted is not None and wanted <= LONGEST_PAUSE else None
