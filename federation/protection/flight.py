"""One call, and everybody who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

from errors import SourceUnavailable
from federation.protection.breaker import Permit, Verdict

AnswerT = TypeVar("AnswerT")

_LATE_S: Final = 0.02
_MOST_GRACE_S: Final = 0.1
_FAREWELL_S: Final = 3.0


class Flight(Generic[AnswerT]):
    """A call under way. Each who waits for it has a time of their own, and goes without disturbing the others; when the
    last one goes, it is cancelled. Whether it takes notice of that is not waited for."""

    __slots__ = ("_is_late", "_waiting", "permit", "task")

    def __init__(self, call: Callable[[Flight[AnswerT]], Coroutine[Any, Any, AnswerT]], name: str) -> None:
        self._waiting = 0
        self._is_late = False
        self.permit: Permit | None = None
        """Set by the call itself once it asks the source."""
        self.task = asyncio.create_task(call(self), name=name)

    @property
    def may_be_joined(self) -> bool:
        """Whether it is under way and nobody has found it too slow yet."""
        return not (self._is_late or self.task.done() or self.task.cancelling())

    async def wait(self, budget: timedelta) -> AnswerT:
        """What the call returns or raises. Raises TimeoutError at the end of the budget, which counts as a failure of
        the source if it was asked by then; that the waiter is cancelled counts as nothing. Raises SourceUnavailable
        where the call cancelled itself: its waiters must not take that for their own end."""
        self._waiting += 1
        try:
            if not await self._ended_within(budget.total_seconds()):
                self._is_late = True
                self._end_permit(Verdict.FAILED)
                raise TimeoutError
        finally:
            self._waiting -= 1
            if self._waiting == 0 and not self.task.done():
                self._end_permit(Verdict.DROPPED)
                self.task.cancel()
        if self.task.cancelled():
            raise SourceUnavailable("The call was broken off from within.")
        return self.task.result()

    async def _ended_within(self, budget_s: float) -> bool:
        """A process that was kept from running sees the end of the time before it sees what has arrived meanwhile. For
        that it takes as long again as it was late, but hardly."""
        now = asyncio.get_running_loop().time
        due = now() + budget_s
        done, _ = await asyncio.wait((self.task,), timeout=budget_s)
        late_s = now() - due
        if not done and late_s > _LATE_S:
            done, _ = await asyncio.wait((self.task,), timeout=min(late_s, _MOST_GRACE_S))
        return bool(done)

    def _end_permit(self, verdict: Verdict) -> None:
        if self.permit is not None:
            self.permit.end(verdict)


class Flights:
    """Keeps what is under way from the garbage collector, also what was cancelled and has not noticed yet."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._under_way)

    def start(self, call: Callable[[Flight[AnswerT]], Coroutine[Any, Any, AnswerT]], name: str) -> Flight[AnswerT]:
        """Somebody must wait for it, or nobody will end it."""
        flight = Flight(call, name)
        self._under_way.add(flight.task)
        flight.task.add_done_callback(self._landed)
        return flight

    async def aclose(self) -> None:
        """Gives those that were given up a moment to notice: a database that hangs is left in a second or two."""
        for task in self._under_way:
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_FAREWELL_S)

    def _landed(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # an error may come too late for everybody; asking keeps asyncio from complaining
