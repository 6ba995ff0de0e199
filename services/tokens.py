"""Access tokens that are fetched once per expiry, however many calls wait for one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from errors import SourceTimeout, SourceUnavailable

_RENEW_EARLY = timedelta(minutes=5)
_CLOCK_SKEW = timedelta(seconds=30)
_AFTER_FAILED_RENEWAL = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Token:
    """What a vendor issued. Its value shows in no repr."""

    value: str = field(repr=False)
    lifetime: timedelta
    """From the moment it was asked for."""


@dataclass(frozen=True, slots=True)
class _Held:
    token: Token
    renew_at: datetime
    dead_at: datetime


class TokenCache:
    """One token of one client, fetched when the first caller needs it and shared by all.

    - Whoever comes while a fetch is under way waits for that fetch, and shares its error too; only when it runs out of
      time, those who came after it had begun try once more, together.
    - A caller that gives up does not stop a fetch that others wait for, or the next caller could use.
    - In the last five minutes of a token's life (half of it, if it lives for less than ten) callers go on with it while
      one renewal runs beside them. Should that fail, it is tried again after 30 s, and the token serves to its end.

    It belongs to one event loop, and logs nothing.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Token]],
        *,
        clock: Callable[[], datetime],
        timeout: timedelta = timedelta(seconds=5),
    ) -> None:
        """`fetch` asks the vendor and raises our errors; it is cut off after `timeout`."""
        self._fetch = fetch
        self._clock = clock
        self._timeout = timeout
        self._held: _Held | None = None
        self._fetching: asyncio.Task[Token] | None = None
        self._renew_not_before: datetime | None = None

    async def get(self) -> Token:
        """A token that is good for 30 s more, or for a tenth of its life if that is shorter.

        Raises whatever `fetch` raises, SourceTimeout if it took too long, SourceUnavailable if closed meanwhile.
        """
        now = self._clock()
        held = self._held
        if held is not None and now < held.dead_at:
            if now >= held.renew_at and (self._renew_not_before is None or now >= self._renew_not_before):
                self._start()
            return held.token
        if self._fetching is None:
            return await _result(self._start())
        try:
            return await _result(self._fetching)
        except SourceTimeout:
            # It may have hung before we came; one of our own has all of its time.
            return await _result(self._start())

    def reject(self, token: Token) -> None:
        """Forget a token that the vendor refused before its time. A newer one is kept."""
        if self._held is not None and self._held.token is token:
            self._held = None

    async def aclose(self) -> None:
        """Stop a fetch that is under way; those who wait for it get SourceUnavailable."""
        self._held = None
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait({self._fetching})

    def _start(self) -> asyncio.Task[Token]:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._renew())
            self._fetching.add_done_callback(self._finished)
        return self._fetching

    async def _renew(self) -> Token:
        asked_at = self._clock()
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                token = await self._fetch()
        except TimeoutError as error:
            raise SourceTimeout(
                f"The sign-in service did not answer within {self._timeout.total_seconds():g} s. Try again later."
            ) from error
        expires_at = asked_at + token.lifetime
        self._held = _Held(
            token=token,
            renew_at=expires_at - min(_RENEW_EARLY, token.lifetime / 2),
            dead_at=expires_at - min(_CLOCK_SKEW, token.lifetime / 10),
        )
        self._renew_not_before = None
        return token

    def _finished(self, task: asyncio.Task[Token]) -> None:
        self._fetching = None
        # Reading the error here keeps asyncio from reporting one that nobody waited for: it comes back, to somebody who
        # does wait, when the old token is used up.
        if not task.cancelled() and task.exception() is not None:
            self._renew_not_before = self._clock() + _AFTER_FAILED_RENEWAL


async def _result(task: asyncio.Task[Token]) -> Token:
    # Unlike awaiting the task itself, waiting for it neither cancels it nor takes its cancellation for our own.
    await asyncio.wait({task})
    if task.cancelled():
        raise SourceUnavailable("The connection was closed while signing in. Try again.")
    return task.result()
