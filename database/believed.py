"""What was read from the database and is believed for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, NamedTuple, TypeVar

_BELIEVED_S: Final = 1.0
_RENEWED_AFTER_S: Final = 0.5
_MOST: Final = 10_000

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class _Known(NamedTuple, Generic[ValueT]):
    value: ValueT
    read_at: float
    """When reading it began."""


class _Reading(NamedTuple, Generic[ValueT]):
    task: asyncio.Task[ValueT]
    begun_at: float


class Believed(Generic[KeyT, ValueT]):
    """Reads about once a second for each key, however often it is asked. A change made by this process is seen at once
    (`forget`), one made by another within a second.

    Reading takes a tenth of a second and more while the event loop is busy, because each of its many steps waits for a
    turn. So what is asked for often is read anew before it is too old, and nobody waits for that."""

    def __init__(
        self, read: Callable[[KeyT], Awaitable[ValueT]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._now = monotonic
        self._known: dict[KeyT, _Known[ValueT]] = {}
        self._under_way: dict[KeyT, _Reading[ValueT]] = {}
        self._tasks: set[asyncio.Task[ValueT]] = set()

    async def get(self, key: KeyT) -> ValueT:
        """Raises what reading raises."""
        now = self._now()
        known = self._known.get(key)
        if known is not None and now - known.read_at < _RENEWED_AFTER_S:
            return known.value
        reading = self._begin(key, now)
        if known is not None and now - known.read_at < _BELIEVED_S:
            return known.value
        return await asyncio.shield(reading)  # others may be waiting for it too

    def forget(self) -> None:
        """Something was changed: believe nothing any longer, nor what is being read right now."""
        self._known.clear()
        self._under_way.clear()

    def _begin(self, key: KeyT, now: float) -> asyncio.Task[ValueT]:
        """The reading that is under way, or another if that has begun too long ago to be believed when it ends."""
        under_way = self._under_way.get(key)
        if under_way is not None and now - under_way.begun_at < _BELIEVED_S:
            return under_way.task
        task = asyncio.create_task(self._read_anew(key, now), name="read anew")
        self._under_way[key] = _Reading(task, now)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def _read_anew(self, key: KeyT, begun_at: float) -> ValueT:
        try:
            value = await self._read(key)
            if self._is_current(key):
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[key] = _Known(value, begun_at)
        finally:
            if self._is_current(key):
                del self._under_way[key]
        return value

    def _is_current(self, key: KeyT) -> bool:
        """Whether the running task is the one that whoever asks now would wait for."""
        under_way = self._under_way.get(key)
        return under_way is not None and under_way.task is asyncio.current_task()

    def _ended(self, task: asyncio.Task[ValueT]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited was told; asking keeps asyncio from complaining where nobody did
