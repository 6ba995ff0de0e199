"""How many requests a minute: of a token, a session, a user, a server, an address. Past that, 429 until it ends.

Somebody with a valid token counts for that token, its server and its user, never for the address: all users of one
hosted agent come from a few. An address counts what comes without a token or with a wrong one.

Counted in this process, or in Redis where several processes serve together. While Redis is away each process counts for
itself: that is logged when it begins and when it ends, and nobody is refused for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage, Storage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from auth.agents import Agent
from auth.limits import network_of
from errors import TooManyRequests

_MOST_COUNTED: Final = 100_000
_REDIS_PATIENCE_S: Final = 0.25
_REDIS_AGAIN_S: Final = 5.0
_PREFIX: Final = "gatehouse"
_CLIENTS: Final = 10

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """The most requests a minute."""

    token: int
    """Of one API key, OAuth grant or portal session."""
    user: int
    """Of everything that acts for one account."""
    server: int
    """At one MCP server, whoever sends them."""
    address: int
    """From one network, without a token or with a wrong one."""


class Rates:
    """Raises TooManyRequests past the limits. None as limits refuses nobody and counts nothing."""

    def __init__(self, limits: RateLimits | None, clock: Callable[[], datetime], redis_url: str | None = None) -> None:
        self._counter = _Counter(clock, redis_url if limits else None)
        most = {} if limits is None else {**asdict(limits), "client": limits.address * _CLIENTS}
        self._items = {what: RateLimitItemPerMinute(count, namespace=what) for what, count in most.items()}

    async def agent(self, server_id: UUID, agent: Agent, *, owner_id: UUID, address: str) -> None:
        """One request that a gateway let in. A key counts for the server's owner, a grant for whoever granted it, and
        an anonymous agent for its address."""
        if agent.actor_id is None:
            await self.stranger(address)
        else:
            await self._count("token", agent.actor_id.hex, "This token")
            await self._count("user", (agent.user_id or owner_id).hex, "This account")
        await self._count("server", server_id.hex, "This server's agents")

    async def person(self, *, session_id: UUID, user_id: UUID) -> None:
        """One request of somebody who is signed in."""
        await self._count("token", session_id.hex, "This session")
        await self._count("user", user_id.hex, "This account")

    async def stranger(self, address: str) -> None:
        """One request without a token or session, or with one that was refused."""
        await self._count("address", network_of(address), "Your network")

    async def client(self, address: str) -> None:
        """One request of a program at the authorization server. All users of a hosted agent come from a few addresses,
        so these may send ten times as much."""
        await self._count("client", network_of(address), "Your network")

    async def aclose(self) -> None:
        await self._counter.aclose()

    async def _count(self, what: str, whom: str, name: str) -> None:
        """What was refused by one limit is not counted by the next: a token run wild uses up its own share only."""
        item = self._items.get(what)
        if item is None:
            return
        wait = await self._counter.wait_after(item, whom)
        if wait is not None:
            message = f"{name} sent more than {item.amount} requests within a minute. Wait, then go on."
            raise TooManyRequests(message, wait)


class _Counter:
    """Windows of a minute that begin with their first request."""

    def __init__(self, clock: Callable[[], datetime], redis_url: str | None) -> None:
        self._clock = clock
        self._here = FixedWindowRateLimiter(_Windows(clock))
        self._redis = None if redis_url is None else _redis(redis_url)
        self._shared = None if self._redis is None else FixedWindowRateLimiter(self._redis)
        self._away_until: float | None = None

    async def wait_after(self, item: RateLimitItem, whom: str) -> timedelta | None:
        """Counts one; how long to wait if it was one too many."""
        if self._shared is not None and (self._away_until is None or time.monotonic() >= self._away_until):
            try:
                wait = await self._hit(self._shared, item, whom)
            except StorageError:
                self._redis_is_away()
            else:
                self._redis_is_back()
                return wait
        return await self._hit(self._here, item, whom)

    async def aclose(self) -> None:
        if self._redis is not None and isinstance(self._redis.bridge, RedispyBridge):
            await self._redis.bridge.storage.aclose()

    async def _hit(self, limiter: FixedWindowRateLimiter, item: RateLimitItem, whom: str) -> timedelta | None:
        if await limiter.hit(item, whom):
            return None
        ends_at = (await limiter.get_window_stats(item, whom)).reset_time
        left_s = ends_at - self._clock().timestamp()  # Redis goes by its own clock
        return timedelta(seconds=min(max(0.0, left_s), item.get_expiry()))

    def _redis_is_away(self) -> None:
        if self._away_until is None:
            log.warning("rates.redis_away", counting="in each process")
        self._away_until = time.monotonic() + _REDIS_AGAIN_S

    def _redis_is_back(self) -> None:
        if self._away_until is not None:
            log.info("rates.redis_back")
            self._away_until = None


class _Windows(Storage):
    """Counts in this process. The library's own memory storage starts a task per request that looks at every key it
    holds: 0.8 ms with 10,000 of them. Here all windows are equally long, so the oldest stand
    first, and only those that are over are looked at."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return ()

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = self._clock().timestamp()
        count, ends_at = self._windows.get(key, (0, 0.0))
        if ends_at <= now:
            self._windows.pop(key, None)
            self._forget_old(now)
            count, ends_at = 0, now + expiry
        self._windows[key] = (count + amount, ends_at)
        return count + amount

    async def get(self, key: str) -> int:
        count, ends_at = self._windows.get(key, (0, 0.0))
        return count if ends_at > self._clock().timestamp() else 0

    async def get_expiry(self, key: str) -> float:
        return self._windows.get(key, (0, self._clock().timestamp()))[1]

    async def check(self) -> bool:
        return True

    async def reset(self) -> int:
        count = len(self._windows)
        self._windows.clear()
        return count

    async def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    def _forget_old(self, now: float) -> None:
        """Those that are over, and the oldest if there are too many: a flood of addresses must not fill the memory."""
        while self._windows:
            oldest = next(iter(self._windows))
            if self._windows[oldest][1] > now and len(self._windows) < _MOST_COUNTED:
                return
            del self._windows[oldest]


def _redis(url: str) -> RedisStorage:
    return RedisStorage(
        f"async+{url}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix=_PREFIX,
        socket_timeout=_REDIS_PATIENCE_S,
        socket_connect_timeout=_REDIS_PATIENCE_S,
    )
