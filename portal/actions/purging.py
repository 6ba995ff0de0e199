"""What makes deleted things go for good, and old things forget who they were about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from auth.audit import AuditTrail, Event
from database.engine import Database
from repositories.attempts import Attempts
from repositories.audit import AuditEvents
from repositories.purge import Purge

_AT_ONCE: Final = 500

_Step = Callable[[AsyncSession], Awaitable[int]]


class Purging:
    """Deleted rows are empty already: names, addresses, settings and secrets go when something is deleted. A purge
    removes the rows themselves and what else has ended, and takes addresses and programs out of old audit events."""

    def __init__(
        self,
        database: Database,
        audit: AuditTrail,
        clock: Callable[[], datetime],
        *,
        purge_after: timedelta,
        audit_retention: timedelta,
        quarantine: timedelta,
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._purge_after = purge_after
        self._audit_retention = audit_retention
        self._quarantine = quarantine

    async def run(self, older_than: timedelta | None = None) -> Mapping[str, int]:
        """How many rows of what were emptied or removed. May run beside the server and beside another purge, be stopped
        anywhere and begin again. `older_than` counts from when something was deleted or ended; None: PURGE_AFTER."""
        await self._audit.flush()
        taken = {what: await self._repeat(step) for what, step in self._steps(older_than)}
        async with self._database.writing() as session:
            taken["attempts"] = await Attempts(session).sweep(self._clock())
        if any(taken.values()):
            self._audit.record(Event(user_id=None, actor="system", action="purge.done", results=sum(taken.values())))
            await self._audit.flush()
        return taken

    def _steps(self, older_than: timedelta | None) -> list[tuple[str, _Step]]:
        """In this order: an event forgets its people while their rows still tell which agents were theirs, and a row
        goes after those that refer to it."""
        now = self._clock()
        before = now - (self._purge_after if older_than is None else older_than)
        private, released = now - self._audit_retention, now - self._quarantine
        return [
            ("old events emptied", lambda session: AuditEvents(session).empty_before(private, _AT_ONCE)),
            (
                "events of deleted accounts emptied",
                lambda session: AuditEvents(session).empty_deleted_before(before, _AT_ONCE),
            ),
            ("sessions", lambda session: Purge(session).sessions(before, _AT_ONCE)),
            ("one-time links", lambda session: Purge(session).links(before, _AT_ONCE)),
            ("invitations", lambda session: Purge(session).invitations(before, _AT_ONCE)),
            ("keys", lambda session: Purge(session).keys(before, _AT_ONCE)),
            ("codes", lambda session: Purge(session).codes(before, _AT_ONCE)),
            ("tokens", lambda session: Purge(session).tokens(before, _AT_ONCE)),
            ("grants", lambda session: Purge(session).grants(before, _AT_ONCE)),
            ("sources", lambda session: Purge(session).sources(before, _AT_ONCE)),
            ("servers", lambda session: Purge(session).servers(before, released, _AT_ONCE)),
            ("accounts", lambda session: Purge(session).users(before, _AT_ONCE)),
        ]

    async def _repeat(self, step: _Step) -> int:
        """Each time in a transaction of its own, until there is nothing left to take."""
        total = 0
        while True:
            async with self._database.writing() as session:
                taken = await step(session)
            total += taken
            if taken < _AT_ONCE:
                return total
