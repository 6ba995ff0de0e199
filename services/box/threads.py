"""Threads for calls that block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ResultT = TypeVar("ResultT")


class Threads:
    """At most so many threads, counted until each has ended and not only while somebody waits for it.

    That is why this is a pool and not `anyio.to_thread` with a limiter: anyio 4 gives an abandoned call's place back
    at once, while its thread goes on, so that a hung vendor would be met with ever more threads.

    A caller that is cancelled leaves at once. A call that had not begun is dropped then; one that had goes on in its
    thread until it ends by itself, so whatever runs here needs short timeouts of its own. Nothing that runs here waits
    for a place here, so places always come free again.
    """

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="box")

    async def run(self, call: Callable[[], ResultT]) -> ResultT:
        """What the call returns or raises, once a thread was free for it."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        """Drops what has not begun. Threads that are busy end with what they are doing."""
        self._pool.shutdown(wait=False, cancel_futures=True)
