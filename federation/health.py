"""How each source does, as its owner sees it in the portal: learnt from real traffic, written when it changes."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from database.engine import Database
from errors import DatabaseAway
from federation.directory import ServedSource
from repositories.sources import Sources
from schemas.answers import SourceReport, SourceStatus

_SLOW_SHARE: Final = 0.75
"""An answer that took this share of its time is called slow."""

_SEEN_AS: Final = {
    SourceStatus.OK: "ok",
    SourceStatus.TIMEOUT: "slow",
    SourceStatus.UNAUTHORIZED: "reconnect",
    SourceStatus.UNAVAILABLE: "unavailable",
    SourceStatus.PAUSED: "paused",
}
"""A rate limit passes and a bug of ours says nothing about the source: neither changes what the owner sees."""

_DOWN: Final = frozenset({"reconnect", "unavailable", "paused"})
_OWN_VIEW_S: Final = 3.0
"""What the directory says of a source may be older than what was written here, for about a second."""
_MOST_NOTED: Final = 10_000

log = structlog.get_logger()


class Health:
    """Logs once when a source goes down and once when it is back. Writing never delays an answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[tuple[UUID, int], tuple[str, float]] = {}
        """By source and version: what was written here last, and until when it counts more than the directory."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()  # what was seen last is written last

    def note(self, served: ServedSource, report: SourceReport, budget: timedelta) -> None:
        """`budget` is the time that the call had."""
        status = _SEEN_AS.get(report.status)
        if report.status is SourceStatus.OK and report.took_ms >= budget.total_seconds() * 1000 * _SLOW_SHARE:
            status = "slow"
        known = self._known(served)
        if status is None or status == known:
            return
        if len(self._noted) >= _MOST_NOTED:
            self._noted.clear()
        self._noted[served.id, served.version] = (status, time.monotonic() + _OWN_VIEW_S)
        _log(served, known, status)
        task = asyncio.create_task(self._write(served, status, report.message), name=f"status of {served.key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, source_id: UUID) -> None:
        """Somebody else wrote the status, or the source is gone."""
        self._noted = {key: noted for key, noted in self._noted.items() if key[0] != source_id}

    async def aclose(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    def _known(self, served: ServedSource) -> str:
        """The status that is stored, as far as we know."""
        noted = self._noted.get((served.id, served.version))
        return noted[0] if noted is not None and noted[1] > time.monotonic() else served.status

    async def _write(self, served: ServedSource, status: str, message: str | None) -> None:
        try:
            async with self._turn, self._database.writing() as session:
                await Sources(session).set_status(served.id, served.version, status, message)
        except (DatabaseAway, SQLAlchemyError, OSError):
            log.exception("source.status_unwritten", source=served.key)
            self._noted.pop((served.id, served.version), None)


def _log(served: ServedSource, before: str, status: str) -> None:
    if status in _DOWN and before not in _DOWN:
        log.warning("source.down", source=served.key, status=status)
    elif before in _DOWN and status not in _DOWN:
        log.info("source.back", source=served.key, status=status, before=before)
