"""How the installation does, as load balancers and people ask for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from database.engine import Database
from errors import DatabaseAway
from handlers.registry import Registry
from repositories.sources import Sources
from schemas.health import Checks

_BELIEVED_S: Final = 2.0

log = structlog.get_logger()


class HealthChecks:
    """Asks the database at most every two seconds: a flood of checks is no load."""

    def __init__(self, database: Database, registry: Registry, version: str) -> None:
        self._database = database
        self._registry = registry
        self._version = version
        self._started = time.monotonic()
        self._counted: tuple[float, Mapping[str, int] | None] = (0.0, None)
        self._turn = asyncio.Lock()
        self._draining = False

    def drain(self) -> None:
        """From now on not ready: a proxy sends new requests elsewhere."""
        self._draining = True

    async def look(self) -> Checks:
        counts = await self._counts()
        reachable = counts is not None
        return Checks(
            status="ok" if reachable and not self._draining else "unavailable",
            uptime_s=int(time.monotonic() - self._started),
            version=self._version,
            handlers={handler.key: (counts or {}).get(handler.key, 0) for handler in self._registry},
            database="ok" if reachable else "unavailable",
        )

    async def _counts(self) -> Mapping[str, int] | None:
        """Sources by kind; None when the database does not answer. One asks, and who comes meanwhile waits for it."""
        async with self._turn:
            at, counts = self._counted
            if time.monotonic() - at < _BELIEVED_S:
                return counts
            try:
                async with self._database.reading() as session:
                    counts = await Sources(session).count_by_type()
            except (DatabaseAway, SQLAlchemyError, OSError):
                log.exception("database.unreachable")
                counts = None
            self._counted = (time.monotonic(), counts)
            return counts
