"""A Gatehouse on real sockets, in a thread of its own: Playwright's own loop has the main one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from config import Settings
from handlers.registry import Registry
from main import Gatehouse
from tests.stand import served

_STARTS_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class _Running:
    gatehouse: Gatehouse
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event


@contextmanager
def open_house(settings: Settings, registry: Registry | None = None) -> Iterator[Gatehouse]:
    """Serves until the block ends. Raises whatever kept it from starting."""
    started: Future[_Running] = Future()

    async def serve() -> None:
        async with served(settings, registry) as gatehouse:
            running = _Running(gatehouse, asyncio.get_running_loop(), asyncio.Event())
            started.set_result(running)
            await running.stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except Exception as error:  # whatever it is: it is raised again in the thread that waits for the start
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="gatehouse", daemon=True)
    thread.start()
    running = started.result(timeout=_STARTS_WITHIN_S)
    try:
        yield running.gatehouse
    finally:
        running.loop.call_soon_threadsafe(running.stop.set)
        thread.join(timeout=_STARTS_WITHIN_S)
