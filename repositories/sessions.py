"""Sign-ins."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import Session, User
from errors import NotFound
from repositories.paging import Page, Window, fetch_page


class Sessions:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, row: Session) -> Session:
        self._session.add(row)
        await self._session.flush()
        return row

    async def find_live(self, session_id: UUID, now: datetime) -> tuple[Session, User] | None:
        """The session and its account, if neither is revoked, expired or deleted."""
        found = await self._session.execute(
            select(Session, User)
            .join(User, User.id == Session.user_id)
            .where(
                Session.id == session_id,
                Session.revoked_at.is_(None),
                Session.expires_at > now,
                User.deleted_at.is_(None),
            )
        )
        row = found.one_or_none()
        return None if row is None else (row[0], row[1])

    async def list_live(self, user_id: UUID, now: datetime, window: Window) -> Page[Session]:
        query = select(Session).where(
            Session.user_id == user_id, Session.revoked_at.is_(None), Session.expires_at > now
        )
        return await fetch_page(self._session, query, window, Session.created_at, Session.id)

    async def touch(self, session_id: UUID, now: datetime) -> None:
        await self._session.execute(update(Session).where(Session.id == session_id).values(last_seen_at=now))

    async def revoke(self, user_id: UUID, session_id: UUID, now: datetime) -> None:
        """Raises NotFound unless it is a live session of this user."""
        changed = await self._session.scalars(
            update(Session)
            .where(Session.id == session_id, Session.user_id == user_id, Session.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(Session.id)
        )
        if changed.one_or_none() is None:
            raise NotFound("There is no such session.")

    async def revoke_all(self, user_id: UUID, now: datetime, *, but: UUID | None = None) -> None:
        """Every session of the user, or all but one."""
        query = update(Session).where(Session.user_id == user_id, Session.revoked_at.is_(None))
        if but is not None:
            query = query.where(Session.id != but)
        await self._session.execute(query.values(revoked_at=now))

    async def delete_all(self, user_id: UUID) -> None:
        """The sessions of a deleted account, with the addresses and programs that they tell."""
        await self._session.execute(delete(Session).where(Session.user_id == user_id))
