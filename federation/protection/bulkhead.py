"""At most so many requests at a time, however many ask."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from handlers.base import Bulkhead


class Bulkheads:
    """At most so many requests at a time per vendor account, however many sources, servers or tenants share it."""

    def __init__(self) -> None:
        self._places: WeakValueDictionary[tuple[str, int], asyncio.Semaphore] = WeakValueDictionary()

    def of(self, bulkhead: Bulkhead) -> asyncio.Semaphore:
        """Enter it to take a place; it is given back when the block ends. Waiting counts against the caller's time."""
        key = (bulkhead.key, bulkhead.size)
        places = self._places.get(key)
        if places is None:
            places = self._places[key] = asyncio.Semaphore(bulkhead.size)
        return places
