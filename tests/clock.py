"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class HandClock:
    """Begins at the real time: what checks a token's expiry against the computer's clock agrees with it."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        """`clock.forward(minutes=15)`."""
        self.now += timedelta(**by)
