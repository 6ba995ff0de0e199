"""When a source is not asked for a while: a circuit breaker after Nygard, "Release It!", for one process.

It opens at the fifth failure in a row, or at a failure that makes half of at least 10 calls in the last 60 s failures;
for 30 s nobody is let through. Then one call at a time is let through as a probe: the first that is answered closes it,
one that fails opens it for another 30 s, and one that came to nothing (its caller left) leaves the next one its turn.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from errors import SourcePaused

IN_A_ROW: Final = 5
FEWEST_CALLS: Final = 10
FAILED_SHARE: Final = 0.5
WINDOW_S: Final = 60
OPEN_S: Final = 30.0

_SOON: Final = timedelta(seconds=1)


class Breaker:
    """`now` is in seconds and never goes back; `on_open` is called each time it opens."""

    def __init__(self, now: Callable[[], float], on_open: Callable[[], None] = lambda: None) -> None:
        self._now = now
        self._on_open = on_open
        self._in_a_row = 0
        self._window = _Window()
        self._open_until: float | None = None
        """None while it is closed."""
        self._probe: Permit | None = None
        self._era = 0
        """How often it has opened or closed: what was let through before says nothing about now."""

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, or one is let through to try."""
        return self._open_until is not None

    def check(self) -> None:
        """Raises SourcePaused where `admit` would, without taking a turn."""
        if self._open_until is None:
            return
        left_s = self._open_until - self._now()
        if left_s > 0:
            wait = timedelta(seconds=math.ceil(left_s))
            raise SourcePaused(
                f"Paused because it failed again and again. It is tried again in {wait.total_seconds():.0f} s.", wait
            )
        if self._probe is not None:
            raise SourcePaused("Paused because it failed again and again. It is being tried again right now.", _SOON)

    def admit(self, *, even_if_open: bool = False) -> Permit:
        """Leave to make one call, whose end must be told to the permit. Raises SourcePaused while open, and while
        another call is trying whether that is over."""
        permit = Permit(self._hear, self._era)
        if not even_if_open:
            self.check()
            if self._open_until is not None:
                self._probe = permit
        return permit

    def _hear(self, permit: Permit, verdict: Verdict) -> None:
        if permit is self._probe and verdict is not Verdict.ANSWERED:
            self._probe = None
            if verdict is Verdict.FAILED:
                self._open()
        elif verdict is Verdict.DROPPED or permit.era != self._era:
            return
        elif self._open_until is None:
            self._count(failed=verdict is Verdict.FAILED)
        elif verdict is Verdict.ANSWERED:
            self._open_until = self._probe = None
            self._start_anew()

    def _count(self, *, failed: bool) -> None:
        self._in_a_row = self._in_a_row + 1 if failed else 0
        self._window.count(self._now(), failed=failed)
        if failed and (self._in_a_row >= IN_A_ROW or self._window.is_bad):
            self._open()

    def _open(self) -> None:
        self._open_until = self._now() + OPEN_S
        self._start_anew()
        self._on_open()

    def _start_anew(self) -> None:
        self._era += 1
        self._in_a_row = 0
        self._window = _Window()


class Verdict(Enum):
    """What a call says about its source."""

    ANSWERED = auto()
    """It did its part, be it with a refusal."""
    FAILED = auto()
    DROPPED = auto()
    """Nothing: its caller left, or the source was never asked."""


class Permit:
    """One call that was let through. The verdict told first stands; later ones are not heard."""

    __slots__ = ("_tell", "era")

    def __init__(self, tell: Callable[[Permit, Verdict], None], era: int) -> None:
        self._tell: Callable[[Permit, Verdict], None] | None = tell
        self.era = era

    def end(self, verdict: Verdict) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(self, verdict)


class _Window:
    """Calls of the last 60 s, counted by the second: as small for a busy source as for a quiet one."""

    __slots__ = ("_calls", "_failures", "_seconds")

    def __init__(self) -> None:
        self._seconds: deque[list[int]] = deque()
        """Second, calls and failures; the oldest first."""
        self._calls = 0
        self._failures = 0

    @property
    def is_bad(self) -> bool:
        """Whether enough of enough calls have failed, as of the last one counted."""
        return self._calls >= FEWEST_CALLS and self._failures >= self._calls * FAILED_SHARE

    def count(self, now: float, *, failed: bool) -> None:
        second = math.floor(now)
        while self._seconds and self._seconds[0][0] <= second - WINDOW_S:
            _, calls, failures = self._seconds.popleft()
            self._calls -= calls
            self._failures -= failures
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
        self._seconds[-1][1] += 1
        self._seconds[-1][2] += failed
        self._calls += 1
        self._failures += failed
