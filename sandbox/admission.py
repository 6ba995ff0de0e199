"""Who is let in, and how often: tokens, secrets that can be revoked, and the vendors' quotas."""

from __future__ import annotations

import secrets
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sandbox.behaviour import Clock, Source

TOKEN_BYTES = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token stands for."""

    app: str
    """The client id it was issued to."""
    subject: str
    """Whom it acts as: a tenant, or a user's id."""
    scope: str
    expires_at: datetime


class TokenUnknown(Exception):
    """No such token was issued, or it was revoked."""


class TokenExpired(Exception):
    """It was good once."""


class Tokens:
    """Bearer tokens, opaque as the vendors' are to a client. Forgotten when the process ends, as if expired."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._grants: dict[tuple[Source, str], Grant] = {}

    def issue(self, source: Source, *, app: str, subject: str, scope: str, lifetime: timedelta) -> str:
        """A new token. `source` is where it opens doors: Entra's are issued for "graph"."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._grants[source, token] = Grant(app=app, subject=subject, scope=scope, expires_at=self._clock() + lifetime)
        return token

    def check(self, source: Source, token: str) -> Grant:
        """What the token stands for. Raises TokenUnknown or TokenExpired."""
        grant = self._grants.get((source, token))
        if grant is None:
            raise TokenUnknown
        if grant.expires_at <= self._clock():
            raise TokenExpired
        return grant

    def expire(self, source: Source) -> None:
        """Makes every token of this source one that was good once."""
        now = self._clock()
        for key, grant in self._grants.items():
            if key[0] == source:
                self._grants[key] = Grant(app=grant.app, subject=grant.subject, scope=grant.scope, expires_at=now)


class Secrets:
    """Which sources' secrets still work."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._revoked: set[Source] = set()

    def revoke(self, source: Source) -> None:
        """From now on the secret is wrong, and the tokens it brought are dead. Entra's secret brings Graph's tokens."""
        self._revoked.add(source)
        self._tokens.expire("graph" if source == "entra" else source)

    def restore(self, source: Source) -> None:
        """Makes the secret work again."""
        self._revoked.discard(source)

    def works(self, source: Source) -> bool:
        return source not in self._revoked


class OverQuota(Exception):
    """One request too many; how long until one is free again."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


class Rate:
    """At most so many requests within any period of this length, for each key. A refused request does not count."""

    def __init__(self, limit: int, period: timedelta, clock: Clock) -> None:
        self._limit = limit
        self._period = period
        self._clock = clock
        self._seen: dict[str, deque[datetime]] = {}

    def take(self, key: str) -> None:
        """Raises OverQuota, with whole seconds, rounded up."""
        now = self._clock()
        seen = self._seen.setdefault(key, deque())
        while seen and seen[0] <= now - self._period:
            seen.popleft()
        if len(seen) >= self._limit:
            raise OverQuota(max(1, ceil((seen[0] + self._period - now).total_seconds())))
        seen.append(now)


class Concurrency:
    """At most so many requests at once, for each key."""

    def __init__(self, limit: int, retry_after_s: int) -> None:
        self._limit = limit
        self._retry_after_s = retry_after_s
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def slot(self, key: str) -> Iterator[None]:
        """Raises OverQuota."""
        if self._under_way[key] >= self._limit:
            raise OverQuota(self._retry_after_s)
        self._under_way[key] += 1
        try:
            yield
        finally:
            self._under_way[key] -= 1
