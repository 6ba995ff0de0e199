"""One call to one source, within its time, whatever the source does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from errors import GatehouseError, SourceError, SourceTimeout
from federation.connections import Connections
from federation.directory import ServedSource
from federation.protection import Bulkheads
from handlers.base import Source

AnswerT = TypeVar("AnswerT")

log = structlog.get_logger()


class Calls:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._bulkheads = Bulkheads()
        self._left_behind: set[asyncio.Task[Any]] = set()

    async def run(
        self, served: ServedSource, ask: Callable[[Source], Awaitable[AnswerT]], budget: timedelta
    ) -> AnswerT:
        """What the source answers. Raises SourceTimeout at the end of the budget, also when the source takes no notice
        of being cancelled, and otherwise what the source raises: one of our errors, or SourceError for a bug of ours.
        """
        return await self.within(budget, served.name, self._ask(served, ask))

    async def within(self, budget: timedelta, name: str, work: Coroutine[Any, Any, AnswerT]) -> AnswerT:
        """The same for work that needs no saved source; `name` is what did not answer."""
        task = asyncio.create_task(_one_of_ours(name, work), name=f"ask {name}")
        try:
            done, _ = await asyncio.wait({task}, timeout=budget.total_seconds())
        finally:
            if not task.done():
                self._leave(task)
        if not done:
            raise SourceTimeout(f"{name} did not answer within {budget.total_seconds():g} s.")
        return task.result()

    async def _ask(self, served: ServedSource, ask: Callable[[Source], Awaitable[AnswerT]]) -> AnswerT:
        async with self._connections.use(served) as connected, self._bulkheads.of(connected.bulkhead):
            return await ask(connected.source)

    def _leave(self, task: asyncio.Task[Any]) -> None:
        """Cancelled, and kept from the garbage collector until it has noticed."""
        task.cancel()
        self._left_behind.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._left_behind.discard(task)
        if not task.cancelled():
            task.exception()  # whatever it was, it comes too late; asking keeps asyncio from complaining


async def _one_of_ours(name: str, work: Coroutine[Any, Any, AnswerT]) -> AnswerT:
    with only_our_errors(name):
        return await work


@contextmanager
def only_our_errors(name: str) -> Iterator[None]:
    """Lets errors of ours through and nothing else; any other becomes a SourceError. The one place where a handler's
    bug is caught: it must not take the other sources' hits with it."""
    try:
        yield
    except GatehouseError:
        raise
    except Exception as error:
        log.exception("source.bug", source=name)
        raise SourceError("Something went wrong inside Gatehouse while asking this source.") from error
