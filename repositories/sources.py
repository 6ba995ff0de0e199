"""Connected accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import Source
from errors import NotFound
from repositories.paging import Page, Window, fetch_page

_LONGEST_MESSAGE: Final = 500


class Sources:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, source: Source) -> Source:
        self._session.add(source)
        await self._session.flush()
        return source

    async def get(self, user_id: UUID, source_id: UUID) -> Source:
        """Raises NotFound, also for somebody else's."""
        return await self._get(user_id, source_id, lock=False)

    async def get_locked(self, user_id: UUID, source_id: UUID) -> Source:
        return await self._get(user_id, source_id, lock=True)

    async def list_of(
        self, user_id: UUID, window: Window, *, words: str = "", statuses: Sequence[str] = ()
    ) -> Page[Source]:
        """Those whose name holds the words, whatever their case, and that are in one of the statuses; empty: all."""
        query = select(Source).where(Source.user_id == user_id, Source.deleted_at.is_(None))
        if words:
            query = query.where(Source.name.icontains(words, autoescape=True))
        if statuses:
            query = query.where(Source.status.in_(statuses))
        return await fetch_page(self._session, query, window, Source.created_at, Source.id)

    async def list_all_of(self, user_id: UUID) -> Sequence[Source]:
        """Every source of a user, newest first."""
        query = select(Source).where(Source.user_id == user_id, Source.deleted_at.is_(None))
        return (await self._session.scalars(query.order_by(Source.created_at.desc()))).all()

    async def which_are_of(self, user_id: UUID, source_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Those of the ids that are sources of this user."""
        query = select(Source.id).where(
            Source.user_id == user_id, Source.deleted_at.is_(None), Source.id.in_(source_ids)
        )
        return frozenset(await self._session.scalars(query))

    async def list_sealed(self) -> Sequence[Source]:
        """Every row that holds sealed secrets."""
        return (await self._session.scalars(select(Source).where(Source.sealed.is_not(None)))).all()

    async def find_sealed_locked(self, source_id: UUID) -> Source | None:
        return await self._session.scalar(
            select(Source).where(Source.id == source_id, Source.sealed.is_not(None)).with_for_update()
        )

    async def count_by_type(self) -> Mapping[str, int]:
        rows = await self._session.execute(
            select(Source.type, func.count()).where(Source.deleted_at.is_(None)).group_by(Source.type)
        )
        return {row[0]: row[1] for row in rows}

    async def set_status(
        self, source_id: UUID, version: int, status: str, message: str | None, checked_at: datetime | None = None
    ) -> None:
        """Notes how the source does, unless its config has changed since or it was deleted."""
        values: dict[str, object] = {"status": status, "status_message": message and message[:_LONGEST_MESSAGE]}
        if checked_at is not None:
            values["checked_at"] = checked_at
        await self._session.execute(
            update(Source)
            .where(Source.id == source_id, Source.version == version, Source.deleted_at.is_(None))
            .values(values)
        )

    async def _get(self, user_id: UUID, source_id: UUID, *, lock: bool) -> Source:
        query = select(Source).where(Source.id == source_id, Source.user_id == user_id, Source.deleted_at.is_(None))
        source = await self._session.scalar(query.with_for_update() if lock else query)
        if source is None:
            raise NotFound("There is no such source.")
        return source


def mark_source_deleted(source: Source, now: datetime) -> None:
    """The source is gone for everyone, and its settings and secrets with it."""
    source.deleted_at = now
    source.updated_at = now
    source.config = {}
    source.sealed = None
    source.name = ""
    source.status_message = None
