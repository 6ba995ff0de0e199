"""What came back over HTTP, within bounds."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from errors import SourceTimeout

TOO_SLOW: Final = "Box did not answer in time."
_LONGEST_WAIT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, read to its end or to the size that was allowed."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    content: bytes
    complete: bool = True
    """False where more was to come than was allowed."""

    @property
    def ok(self) -> bool:
        return self.status == HTTPStatus.OK

    @property
    def content_type(self) -> str:
        """As it was said, with its parameters; "" where nothing was."""
        return self.headers.get("content-type", "")

    def retry_after(self) -> timedelta | None:
        """How long Box wants us to wait, at most an hour. It is written in seconds (Box docs, "Rate limits")."""
        seconds = self.headers.get("retry-after", "")
        if not seconds.isascii() or not seconds.isdecimal():
            return None
        return min(timedelta(seconds=int(seconds[:6])), _LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may bring and how long it may take, for the thread that it occupies."""

    most_bytes: int
    ends_at_s: float
    """Of time.monotonic()."""
    _given_up: threading.Event = field(default_factory=threading.Event, repr=False)

    @classmethod
    def starting_now(cls, *, most_bytes: int, timeout: timedelta) -> Limits:
        return cls(most_bytes, time.monotonic() + timeout.total_seconds())

    def give_up(self) -> None:
        """Nobody waits for the answer any longer: the thread stops at its next look."""
        self._given_up.set()

    def check(self) -> None:
        """Raises SourceTimeout once the time is over or nobody waits."""
        if self._given_up.is_set() or time.monotonic() >= self.ends_at_s:
            raise SourceTimeout(TOO_SLOW)
