"""Accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import McpServer, Source, User
from errors import NotFound
from repositories.paging import Page, Window, fetch_page
from schemas.accounts import spelled_as_stored


def email_key(email: str) -> str:
    """The address as it is compared: in one spelling, without surrounding spaces, whatever the case. No address has a
    NUL, and PostgreSQL could not even look for it."""
    return spelled_as_stored(email.strip()).casefold().replace("\x00", "\ufffd")


class Users:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, user: User) -> User:
        """Raises sqlalchemy's IntegrityError when the address is taken."""
        self._session.add(user)
        await self._session.flush()
        return user

    async def none_yet(self) -> bool:
        """Whether there never was an account. Of transactions that ask at the same moment, one is told so."""
        if await self._any():
            return False
        if self._session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time as it is
            await self._session.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))
        return not await self._any()

    async def count_operators(self) -> int:
        query = select(func.count()).select_from(User).where(User.is_operator, User.deleted_at.is_(None))
        return await self._session.scalar(query) or 0

    async def list_live(self, window: Window, *, words: str = "") -> Page[User]:
        """Those whose name or address holds the words, whatever their case; empty: all."""
        query = select(User).where(User.deleted_at.is_(None))
        if words:
            holds = (column.icontains(words, autoescape=True) for column in (User.name, User.email))
            query = query.where(or_(*holds))
        return await fetch_page(self._session, query, window, User.created_at, User.id)

    async def count_belongings(self, user_ids: Sequence[UUID]) -> Mapping[UUID, tuple[int, int]]:
        """How many sources and servers each of them has."""
        sources, servers = [await self._count(model, user_ids) for model in (Source, McpServer)]
        return {id_: (sources.get(id_, 0), servers.get(id_, 0)) for id_ in user_ids}

    async def _count(self, model: type[Source | McpServer], user_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        rows = await self._session.execute(
            select(model.user_id, func.count())
            .where(model.user_id.in_(user_ids), model.deleted_at.is_(None))
            .group_by(model.user_id)
        )
        return {row[0]: row[1] for row in rows}

    async def find_by_email(self, email: str) -> User | None:
        return await self._session.scalar(
            select(User).where(User.email_key == email_key(email), User.deleted_at.is_(None))
        )

    async def get(self, user_id: UUID) -> User:
        """Raises NotFound."""
        return _found(await self._session.scalar(_live(user_id)))

    async def find_locked(self, user_id: UUID) -> User | None:
        """The account, kept from every other transaction that asks for it this way."""
        return await self._session.scalar(_live(user_id).with_for_update())

    async def get_locked(self, user_id: UUID) -> User:
        """Raises NotFound."""
        return _found(await self.find_locked(user_id))

    async def _any(self) -> bool:
        return bool(await self._session.scalar(select(exists().select_from(User))))


def _live(user_id: UUID) -> Select[User]:
    return select(User).where(User.id == user_id, User.deleted_at.is_(None))


def _found(user: User | None) -> User:
    if user is None:
        raise NotFound("There is no such account.")
    return user


def mark_deleted(user: User, now: datetime) -> None:
    """The account is gone for everyone; its address is free again, and nothing personal stays in the row."""
    user.deleted_at = now
    user.updated_at = now
    user.email = ""
    user.email_key = f"deleted:{user.id}"
    user.name = ""
    user.password_hash = ""
