"""Turning requests away at once when there are more than this process can serve, so that those let in stay fast.

How many may be at work at once follows from how late the event loop is: each time a timer comes later than it should,
the limit shrinks by a quarter; while it comes on time and the limit is in use, it grows again (additive increase,
multiplicative decrease, as TCP does). Who waits for sources is not at work and does not count for it: hundreds of slow
searches take nothing from the others. There is no second queue in front: who is let in waits on the event loop already.

All together, those who wait included, are bounded too. Of these places each gateway domain may hold as many as are
free (dynamic thresholds, Choudhury and Hahne 1998): one that floods gets half of them, two settle at a third each and
leave a third. Of the places at work a domain has half at most.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Final

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from errors import Overloaded
from schemas.problems import problem_of
from web.edge import UNLOGGED
from web.headers import safety_headers
from web.pages import PAGE_HEADERS, Pages, prefers_html
from web.problems import MEDIA_TYPE, problem_values

_TICK_S: Final = 0.01
_LATE_S: Final = 0.02
_FEWEST: Final = 64
"""Half of them are one domain's: 16 agents that search without a pause are served however busy the processor is. They
take up to two places each, because a reply is read before its place is given back."""
_FIRST: Final = 64
_PAGES: Final = Pages()
PLACE: Final = "gatehouse.place"
"""Where in the ASGI scope the place stands that a tenant's request holds."""
_SHRINK: Final = 0.75
_GROW: Final = 4
_LOG_EVERY_S: Final = 1.0
_RETRY_AFTER: Final = timedelta(seconds=1)
_MESSAGE: Final = "More requests are coming in than can be served. Try again in a moment."

log = structlog.get_logger()


class LoadGate:
    """At most `most` requests in flight, and at most `limit` of them at work: fewer while the event loop is late, but
    never less than `fewest`."""

    def __init__(self, most: int, fewest: int = _FEWEST) -> None:
        self._most = most
        self.fewest = fewest
        self.limit = float(min(most, _FIRST))
        self.in_flight = 0
        self.waiting = 0
        """Those in flight that wait for sources."""
        self.refused = 0
        self._held: Counter[str] = Counter()
        self._at_work: Counter[str] = Counter()
        """Both by tenant."""
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._told = (0, 0.0)

    def enter(self) -> bool:
        """Whether there is a place. `leave` gives it back."""
        if self.in_flight >= self._most or self.at_work >= self.limit:
            self.refused += 1
            return False
        self.in_flight += 1
        if self._timer is None:
            self._wind(asyncio.get_running_loop())
        return True

    def leave(self) -> None:
        self.in_flight -= 1

    @property
    def at_work(self) -> int:
        return self.in_flight - self.waiting

    def enter_as(self, tenant: str) -> bool:
        """Whether this tenant, whose request has a place, may keep it. `leave_as` ends that."""
        free = self._most - self.in_flight
        if self._held[tenant] > free or self._at_work[tenant] >= max(self.limit, self.fewest) / 2:
            self.refused += 1
            return False
        self._held[tenant] += 1
        self._at_work[tenant] += 1
        return True

    def leave_as(self, tenant: str) -> None:
        self._held[tenant] -= 1
        self._at_work[tenant] -= 1
        if not self._held[tenant]:
            del self._held[tenant], self._at_work[tenant]

    @contextmanager
    def wait_as(self, tenant: str) -> Iterator[None]:
        """Inside, the request is not at work."""
        self.waiting += 1
        self._at_work[tenant] -= 1
        try:
            yield
        finally:
            self.waiting -= 1
            self._at_work[tenant] += 1

    def _wind(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + _TICK_S
        self._timer = loop.call_at(self._due, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """The timer runs only while there is something in flight."""
        if loop.time() - self._due > _LATE_S:
            self.limit = max(self.fewest, self.limit * _SHRINK)
        elif self.at_work > self.limit / 2:
            self.limit = min(self._most, self.limit + _GROW)
        self._tell(loop.time())
        self._timer = None
        if self.in_flight:
            self._wind(loop)

    def _tell(self, now: float) -> None:
        """One record a second while requests are turned away."""
        told, at = self._told
        if self.refused > told and now - at >= _LOG_EVERY_S:
            log.warning(
                "requests.shed",
                count=self.refused - told,
                in_flight=self.in_flight,
                waiting=self.waiting,
                limit=int(self.limit),
            )
            self._told = (self.refused, now)


class Shedding:
    """In front of everything: a request without a place costs next to nothing, and is not even logged by itself.
    `always` are paths that are served however busy it is."""

    def __init__(self, app: ASGIApp, gate: LoadGate, *, always: Collection[str], strict_transport: bool) -> None:
        self._app = app
        self._gate = gate
        self._always = frozenset(always)
        self._refusal = _Refusal(strict_transport=strict_transport)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._always:
            await self._app(scope, receive, send)
        elif self._gate.enter():
            try:
                await self._app(scope, receive, send)
            finally:
                self._gate.leave()
        else:
            await self._refusal(scope, receive, send)


class Place:
    """What one request of a tenant holds."""

    __slots__ = ("_gate", "_tenant")

    def __init__(self, gate: LoadGate, tenant: str) -> None:
        self._gate = gate
        self._tenant = tenant

    def waiting(self) -> AbstractContextManager[None]:
        """While it is entered, the request waits for others and keeps nobody from working."""
        return self._gate.wait_as(self._tenant)


class FairShare:
    """In front of what many tenants share: none takes all of the places. `tenant` names where in the ASGI scope it
    stands whose request it is; under `PLACE` the application finds the place it was given."""

    def __init__(self, app: ASGIApp, gate: LoadGate, *, tenant: str) -> None:
        self._app = app
        self._gate = gate
        self._tenant = tenant
        self._refusal = _Refusal(strict_transport=False)  # the edge around it adds that header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tenant = scope[self._tenant]
        if not self._gate.enter_as(tenant):
            scope[UNLOGGED] = True  # the gate's own line tells how many
            await self._refusal(scope, receive, send)
            return
        scope[PLACE] = Place(self._gate, tenant)
        try:
            await self._app(scope, receive, send)
        finally:
            self._gate.leave_as(tenant)


class _Refusal:
    """503 as bytes that were made once, with a page for whoever prefers one."""

    def __init__(self, *, strict_transport: bool) -> None:
        error = Overloaded(_MESSAGE, _RETRY_AFTER)
        problem = problem_of(error)
        self._status = error.status
        page = bytes(
            _PAGES.render("problem.html", {"problem": problem, **problem_values(error.retry_after)}, error.status).body
        )
        plain = problem.model_dump_json(exclude_none=True).encode()
        safety = safety_headers(strict_transport=strict_transport)
        self._page = _reply(page, {**safety, **PAGE_HEADERS, "Content-Type": "text/html; charset=utf-8"})
        self._plain = _reply(plain, {**safety, "Content-Type": MEDIA_TYPE})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, body = self._page if prefers_html(Request(scope)) else self._plain
        await send({"type": "http.response.start", "status": self._status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": body})


def _reply(body: bytes, headers: Mapping[str, str]) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The headers as ASGI wants them, and the body."""
    whole = {**headers, "Retry-After": str(int(_RETRY_AFTER.total_seconds())), "Content-Length": str(len(body))}
    return [(name.lower().encode(), value.encode()) for name, value in whole.items()], body
