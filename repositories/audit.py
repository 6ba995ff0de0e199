"""The audit trail, only ever added to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import AuditEvent
from repositories.paging import Page, Window, fetch_page


class AuditEvents:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add_all(self, events: Sequence[AuditEvent]) -> None:
        self._session.add_all(events)
        await self._session.flush()

    async def list_of(
        self, user_id: UUID, window: Window, *, action: str | None = None, server_id: UUID | None = None
    ) -> Page[AuditEvent]:
        """The trail of one user, newest first."""
        query = select(AuditEvent).where(AuditEvent.user_id == user_id)
        if action is not None:
            query = query.where(AuditEvent.action == action)
        if server_id is not None:
            query = query.where(AuditEvent.server_id == server_id)
        return await fetch_page(self._session, query, window, AuditEvent.occurred_at, AuditEvent.id)

    async def chains(self) -> Sequence[tuple[str, date]]:
        """Every writer and day there is."""
        rows = await self._session.execute(select(AuditEvent.writer, AuditEvent.day).distinct())
        return [(row[0], row[1]) for row in rows]

    async def chain(self, writer: str, day: date) -> Sequence[AuditEvent]:
        query = select(AuditEvent).where(AuditEvent.writer == writer, AuditEvent.day == day)
        return (await self._session.scalars(query.order_by(AuditEvent.position))).all()
