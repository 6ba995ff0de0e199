"""Asking Box once more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from services.box.replies import Reply
from services.box.session import NotReached
from services.retries import RetryBudget, pause_after


class Retries:
    """Repeats what may have failed by chance, once."""

    def __init__(self) -> None:
        self._budget = RetryBudget()

    async def persist(self, ask: Callable[[], Awaitable[Reply]]) -> Reply:
        """The answer, asked for once more where that may help. The pause before it can be cancelled."""
        self._budget.earn()
        try:
            reply = await ask()
        except NotReached:
            if not await self._waited(pause_after(None, None)):
                raise
        else:
            if not await self._waited(pause_after(reply.status, reply.retry_after())):
                return reply
        return await ask()

    async def _waited(self, pause: timedelta | None) -> bool:
        if pause is None or not self._budget.spend():
            return False
        await asyncio.sleep(pause.total_seconds())
        return True
