"""What was read from the database and is believed for a moment."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

_BELIEVED_S: Final = 1.0
_RENEWED_AFTER_S: Final = 0.7
_MOST: Final = 10_000

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


@dataclass(slots=True)
class _Known(Generic[ValueT]):
    value: ValueT
    read_at: float
    is_being_renewed: bool = False


class Believed(Generic[KeyT, ValueT]):
    """Reads about once a second for each key, however often it is asked. A change made by this process is seen at once
    (`forget`), one made by another within a second.

    Under load nobody but one waits for the database: shortly before a value is too old, whoever comes first reads it
    anew, and the others go on with what is known."""

    def __init__(
        self, read: Callable[[KeyT], Awaitable[ValueT]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._now = monotonic
        self._known: dict[KeyT, _Known[ValueT]] = {}
        self._changes = 0

    async def get(self, key: KeyT) -> ValueT:
        """Raises what reading raises."""
        known = self._known.get(key)
        if known is None:
            return await self._read_anew(key)
        age_s = self._now() - known.read_at
        if age_s < _RENEWED_AFTER_S or (known.is_being_renewed and age_s < _BELIEVED_S):
            return known.value
        known.is_being_renewed = True
        return await self._read_anew(key)

    def forget(self) -> None:
        """Something was changed: believe nothing any longer, nor what is being read right now."""
        self._changes += 1
        self._known.clear()

    async def _read_anew(self, key: KeyT) -> ValueT:
        changes, read_at = self._changes, self._now()
        value = await self._read(key)
        if len(self._known) >= _MOST:
            self._known.clear()
        if changes == self._changes:
            self._known[key] = _Known(value, read_at)
        return value
