"""Rows that nothing needs any longer. Every call takes at most so many and tells how many it took: a purge holds no
long transaction, may be stopped anywhere and run again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, and_, delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import (
    ApiKey,
    AuthorizationCode,
    Base,
    DomainAssignment,
    Grant,
    McpServer,
    OAuthToken,
    OneTimeLink,
    ServerInvitation,
    Session,
    Source,
    User,
)

_USERS: Final = Base.metadata.tables[User.__tablename__]


class Purge:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def sessions(self, before: datetime, most: int) -> int:
        """Those that had ended by then."""
        return await self._delete(Session, or_(Session.expires_at < before, Session.revoked_at < before), most)

    async def links(self, before: datetime, most: int) -> int:
        """One-time links that were used or too old by then."""
        return await self._delete(OneTimeLink, or_(OneTimeLink.expires_at < before, OneTimeLink.used_at < before), most)

    async def invitations(self, before: datetime, most: int) -> int:
        return await self._delete(ServerInvitation, ServerInvitation.expires_at < before, most)

    async def keys(self, before: datetime, most: int) -> int:
        return await self._delete(ApiKey, ApiKey.revoked_at < before, most)

    async def codes(self, before: datetime, most: int) -> int:
        return await self._delete(AuthorizationCode, AuthorizationCode.expires_at < before, most)

    async def tokens(self, before: datetime, most: int) -> int:
        return await self._delete(OAuthToken, OAuthToken.expires_at < before, most)

    async def grants(self, before: datetime, most: int) -> int:
        """Those that were revoked by then, and older ones of which nothing is left."""
        bare = and_(
            Grant.created_at < before,
            ~exists().where(OAuthToken.grant_id == Grant.id),
            ~exists().where(AuthorizationCode.grant_id == Grant.id),
        )
        return await self._delete_whole(Grant, or_(Grant.revoked_at < before, bare), most)

    async def sources(self, before: datetime, most: int) -> int:
        """Those deleted by then."""
        return await self._delete_whole(Source, Source.deleted_at < before, most)

    async def servers(self, before: datetime, released_before: datetime, most: int) -> int:
        """Those deleted by then whose domain is kept from nobody any more: until that is so, who held it must stay
        known, though not who that was."""
        kept = exists().where(
            DomainAssignment.server_id == McpServer.id,
            or_(DomainAssignment.released_at.is_(None), DomainAssignment.released_at >= released_before),
        )
        return await self._delete_whole(McpServer, and_(McpServer.deleted_at < before, ~kept), most)

    async def users(self, before: datetime, most: int) -> int:
        """Those deleted by then to whom nothing refers any longer. The row of an operator stays, empty: were no account
        left, whoever signed up next would become one."""
        unused = [~exists().where(column == _USERS.c.id) for column in _references(_USERS)]
        return await self._delete_whole(User, and_(User.deleted_at < before, ~User.is_operator, *unused), most)

    async def _delete(self, model: type[Base], condition: ColumnElement[bool], most: int) -> int:
        """For rows that no others refer to."""
        table = Base.metadata.tables[model.__tablename__]
        chosen = select(table.c.id).where(condition).limit(most)
        gone = await self._session.execute(delete(table).where(table.c.id.in_(chosen)).returning(table.c.id))
        return len(gone.all())

    async def _delete_whole(self, model: type[Base], condition: ColumnElement[bool], most: int) -> int:
        """The rows with everything that refers to them."""
        table = Base.metadata.tables[model.__tablename__]
        ids = (await self._session.scalars(select(table.c.id).where(condition).limit(most))).all()
        if ids:
            await self._delete_with_all(table, ids)
        return len(ids)

    async def _delete_with_all(self, table: Table, ids: Sequence[UUID]) -> None:
        for column in _references(table):
            child = column.table
            if _references(child):
                grandchildren = (await self._session.scalars(select(child.c.id).where(column.in_(ids)))).all()
                if grandchildren:
                    await self._delete_with_all(child, grandchildren)
            else:
                await self._session.execute(delete(child).where(column.in_(ids)))
        whole = table.c.id.in_(ids)
        dead = and_(whole, table.c.deleted_at.is_not(None)) if "deleted_at" in table.c else whole
        await self._session.execute(delete(table).where(dead))


def _references(table: Table) -> Sequence[Column[UUID]]:
    """The columns of other tables that name rows of this one."""
    return [
        key.parent for other in Base.metadata.sorted_tables for key in other.foreign_keys if key.column.table is table
    ]
