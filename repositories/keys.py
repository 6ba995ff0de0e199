"""API keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import ApiKey, User
from errors import NotFound
from repositories.paging import Page, Window, fetch_page


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key as people see it in a list. Its maker is there: with an account, the keys that it made are revoked."""

    key: ApiKey
    maker: User


class ApiKeys:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, key: ApiKey) -> ApiKey:
        self._session.add(key)
        await self._session.flush()
        return key

    async def list_live(self, server_id: UUID, window: Window) -> Page[HeldKey]:
        """The keys that were not revoked; an expired one is listed, so that people see why it fails."""
        query = (
            select(ApiKey)
            .join(User, User.id == ApiKey.created_by)
            .where(ApiKey.server_id == server_id, ApiKey.revoked_at.is_(None), User.deleted_at.is_(None))
        )
        page = await fetch_page(self._session, query, window, ApiKey.created_at, ApiKey.id)
        ids = {key.created_by for key in page.items}
        users = await self._session.scalars(select(User).where(User.id.in_(ids), User.deleted_at.is_(None)))
        makers = {user.id: user for user in users}
        return Page([HeldKey(key, makers[key.created_by]) for key in page.items], page.next)

    async def list_made_by(self, user_id: UUID) -> Sequence[ApiKey]:
        """Every key of this person that was not revoked, newest first."""
        query = select(ApiKey).where(ApiKey.created_by == user_id, ApiKey.revoked_at.is_(None))
        return (await self._session.scalars(query.order_by(ApiKey.created_at.desc()))).all()

    async def find_live(self, key_hash: str, now: datetime) -> ApiKey | None:
        return await self._session.scalar(
            select(ApiKey).where(
                ApiKey.key_hash == key_hash,
                ApiKey.revoked_at.is_(None),
                or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
            )
        )

    async def revoke(self, server_id: UUID, key_id: UUID, now: datetime) -> None:
        """Raises NotFound unless it is a live key of this server."""
        changed = await self._session.scalars(
            update(ApiKey)
            .where(ApiKey.id == key_id, ApiKey.server_id == server_id, ApiKey.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(ApiKey.id)
        )
        if changed.one_or_none() is None:
            raise NotFound("There is no such key.")

    async def revoke_all(self, server_id: UUID, now: datetime) -> None:
        await self._session.execute(
            update(ApiKey).where(ApiKey.server_id == server_id, ApiKey.revoked_at.is_(None)).values(revoked_at=now)
        )

    async def revoke_made_by(self, user_id: UUID, now: datetime, *, server_id: UUID | None = None) -> None:
        """The keys that this person made, for one server or for all of them."""
        query = update(ApiKey).where(ApiKey.created_by == user_id, ApiKey.revoked_at.is_(None))
        if server_id is not None:
            query = query.where(ApiKey.server_id == server_id)
        await self._session.execute(query.values(revoked_at=now))

    async def erase(self, now: datetime, *, server_id: UUID | None = None, made_by: UUID | None = None) -> None:
        """Revokes every key of a server, or that a person made, and forgets how they were called."""
        mine = ApiKey.server_id == server_id if made_by is None else ApiKey.created_by == made_by
        await self._session.execute(
            update(ApiKey).where(mine).values(revoked_at=func.coalesce(ApiKey.revoked_at, now), name="")
        )

    async def note_use(self, used: Mapping[UUID, datetime]) -> None:
        for key_id, moment in used.items():
            await self._session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=moment))
