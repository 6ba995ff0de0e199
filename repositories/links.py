"""One-time links: invitations and password resets."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import OneTimeLink
from repositories.paging import Page, Window, fetch_page


class OneTimeLinks:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, link: OneTimeLink) -> OneTimeLink:
        self._session.add(link)
        await self._session.flush()
        return link

    async def use(self, purpose: str, token_hash: str, now: datetime) -> OneTimeLink | None:
        """The link, now used up, or None if it is unknown, expired or was used before. Of parallel calls one wins."""
        taken = await self._session.scalars(
            update(OneTimeLink)
            .where(
                OneTimeLink.token_hash == token_hash,
                OneTimeLink.purpose == purpose,
                OneTimeLink.used_at.is_(None),
                OneTimeLink.expires_at > now,
            )
            .values(used_at=now)
            .returning(OneTimeLink)
        )
        return taken.one_or_none()

    async def list_open(self, purpose: str, now: datetime, window: Window) -> Page[OneTimeLink]:
        query = select(OneTimeLink).where(
            OneTimeLink.purpose == purpose, OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now
        )
        return await fetch_page(self._session, query, window, OneTimeLink.created_at, OneTimeLink.id)

    async def delete_all(self, user_id: UUID) -> None:
        """Those that reset this person's password."""
        await self._session.execute(delete(OneTimeLink).where(OneTimeLink.user_id == user_id))

    async def withdraw(self, purpose: str, link_id: UUID, now: datetime) -> bool:
        """Whether there was such an open link; it is used up now."""
        taken = await self._session.scalars(
            update(OneTimeLink)
            .where(OneTimeLink.id == link_id, OneTimeLink.purpose == purpose, OneTimeLink.used_at.is_(None))
            .values(used_at=now)
            .returning(OneTimeLink.id)
        )
        return taken.one_or_none() is not None
