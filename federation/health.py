"""How each source does, as its owner sees it in the portal: learnt from real traffic, written when it changes."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from database.engine import Database
from federation.directory import ServedSource
from repositories.sources import Sources
from schemas.answers import SourceReport, SourceStatus

_SLOW_SHARE: Final = 0.75
"""An answer that took this share of the budget is called slow."""

_SEEN_AS: Final = {
    SourceStatus.OK: "ok",
    SourceStatus.TIMEOUT: "slow",
    SourceStatus.UNAUTHORIZED: "reconnect",
    SourceStatus.UNAVAILABLE: "unavailable",
    SourceStatus.PAUSED: "paused",
}
"""A rate limit passes and a bug of ours says nothing about the source: neither changes what the owner sees."""

log = structlog.get_logger()


class Health:
    """Logs once when a source goes down and once when it is back. Writing never delays an answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last: dict[tuple[UUID, int], str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()  # what was seen last is written last

    def note(self, served: ServedSource, report: SourceReport) -> None:
        status = _SEEN_AS.get(report.status)
        if report.status is SourceStatus.OK and report.took_ms >= served.budget.total_seconds() * 1000 * _SLOW_SHARE:
            status = "slow"
        key = (served.id, served.version)
        if status is None or self._last.get(key, served.status) == status:
            return
        self._last[key] = status
        log.info("source.status", source=served.key, status=status, before=served.status)
        task = asyncio.create_task(self._write(served, status, report.message), name=f"status of {served.key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, source_id: UUID) -> None:
        """Somebody else wrote the status, or the source is gone."""
        self._last = {key: status for key, status in self._last.items() if key[0] != source_id}

    async def aclose(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def _write(self, served: ServedSource, status: str, message: str | None) -> None:
        try:
            async with self._turn, self._database.writing() as session:
                await Sources(session).set_status(served.id, served.version, status, message)
        except (SQLAlchemyError, OSError):
            log.exception("source.status_unwritten", source=served.key)
            self._last.pop((served.id, served.version), None)
