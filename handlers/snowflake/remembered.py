"""Something that is asked for once and believed for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from handlers.base import Clock

ValueT = TypeVar("ValueT")


class Remembered(Generic[ValueT]):
    """A value that is loaded when it is first needed, by one caller for all, and again when it has become old."""

    def __init__(self, load: Callable[[], Awaitable[ValueT]], *, clock: Clock, lasts: timedelta) -> None:
        self._load = load
        self._clock = clock
        self._lasts = lasts
        self._held: tuple[ValueT, datetime] | None = None
        self._loading = asyncio.Lock()

    async def get(self) -> ValueT:
        """Raises what loading raises; then the next caller tries again."""
        async with self._loading:
            if self._held is None or self._held[1] <= self._clock():
                self._held = (await self._load(), self._clock() + self._lasts)
            return self._held[0]

    def forget(self) -> None:
        """It has turned out to be wrong."""
        self._held = None
