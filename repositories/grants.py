"""What people granted to agents, and whether it still holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import DomainAssignment, Grant, McpServer, Member, OAuthClient, OAuthToken, User
from database.models.base import Deletable
from repositories.paging import Page, Window, fetch_page
from schemas.members import Role


@dataclass(frozen=True, slots=True)
class Held:
    """A grant that holds: the person lives, may still use the server, and the server is where it was."""

    grant: Grant
    role: Role
    """The person's, now."""
    owner_id: UUID
    url: str
    """Base URL of the gateway."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A grant as people see it in a list."""

    grant: Grant
    client: OAuthClient
    user: User
    server: McpServer


@dataclass(frozen=True, slots=True)
class Revoked:
    """A grant that held until now."""

    id: UUID
    user_id: UUID
    server_id: UUID


class Grants:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, grant: Grant) -> Grant:
        self._session.add(grant)
        await self._session.flush()
        return grant

    async def find_held(self, grant_id: UUID) -> Held | None:
        """The grant, if nothing that it leans on is gone."""
        found = (await self._session.execute(held_grants().where(Grant.id == grant_id))).one_or_none()
        return None if found is None else Held(found[0], found[1], found[2], found[3])

    async def list_of_user(self, user_id: UUID, now: datetime, window: Window) -> Page[Connected]:
        """What this person lets in, wherever."""
        return await self._list(Grant.user_id == user_id, now, window)

    async def list_of_server(
        self, server_id: UUID, now: datetime, window: Window, *, user_id: UUID | None = None
    ) -> Page[Connected]:
        """Who is let in at this server, by anybody or by one person."""
        wanted = Grant.server_id == server_id
        return await self._list(wanted if user_id is None else and_(wanted, Grant.user_id == user_id), now, window)

    async def any_live(self, now: datetime) -> bool:
        """Whether any agent could come in with what it was granted."""
        query = select(exists().where(Grant.revoked_at.is_(None), _has_token(now)))
        return bool(await self._session.scalar(query))

    async def revoke_all(
        self,
        *,
        now: datetime,
        user_id: UUID | None = None,
        server_id: UUID | None = None,
        assignment_id: UUID | None = None,
        grant_id: UUID | None = None,
    ) -> Sequence[Revoked]:
        """Ends every grant that fits all of the given ids; its tokens are dead at once. ValueError without any id."""
        wanted = {
            Grant.user_id: user_id,
            Grant.server_id: server_id,
            Grant.assignment_id: assignment_id,
            Grant.id: grant_id,
        }
        chosen = [column == id_ for column, id_ in wanted.items() if id_ is not None]
        if not chosen:
            raise ValueError("say which grants to revoke")
        return await self._revoke(chosen, now)

    async def revoke_every(self, now: datetime) -> Sequence[Revoked]:
        """Ends all there are."""
        return await self._revoke([], now)

    async def note_use(self, used: Mapping[UUID, datetime]) -> None:
        for grant_id, moment in used.items():
            await self._session.execute(update(Grant).where(Grant.id == grant_id).values(last_used_at=moment))

    async def _revoke(self, chosen: Sequence[ColumnElement[bool]], now: datetime) -> Sequence[Revoked]:
        ended = await self._session.execute(
            update(Grant)
            .where(Grant.revoked_at.is_(None), *chosen)
            .values(revoked_at=now)
            .returning(Grant.id, Grant.user_id, Grant.server_id)
        )
        return [Revoked(row[0], row[1], row[2]) for row in ended]

    async def _list(self, wanted: ColumnElement[bool], now: datetime, window: Window) -> Page[Connected]:
        query = (
            select(Grant)
            .join(User, User.id == Grant.user_id)
            .join(McpServer, McpServer.id == Grant.server_id)
            .where(
                wanted,
                Grant.revoked_at.is_(None),
                User.deleted_at.is_(None),
                McpServer.deleted_at.is_(None),
                _has_token(now),
            )
        )
        page = await fetch_page(self._session, query, window, Grant.created_at, Grant.id)
        clients = await self._by_id(OAuthClient, {grant.client_id for grant in page.items})
        users = await self._by_id(User, {grant.user_id for grant in page.items})
        servers = await self._by_id(McpServer, {grant.server_id for grant in page.items})
        items = [
            Connected(grant, clients[grant.client_id], users[grant.user_id], servers[grant.server_id])
            for grant in page.items
        ]
        return Page(items, page.next)

    async def _by_id(self, model: Any, ids: set[UUID]) -> Mapping[UUID, Any]:
        query = select(model).where(model.id.in_(ids))
        if issubclass(model, Deletable):
            query = query.where(model.deleted_at.is_(None))
        return {row.id: row for row in await self._session.scalars(query)}


def held_grants() -> Select[Grant, Role, UUID, str]:
    """Grants that hold, each with the person's role, the server's owner and the gateway's base URL."""
    role = case((McpServer.user_id == Grant.user_id, "owner"), else_=func.coalesce(Member.role, ""))
    return (
        select(Grant, role, McpServer.user_id, DomainAssignment.url)
        .join(User, User.id == Grant.user_id)
        .join(McpServer, McpServer.id == Grant.server_id)
        .join(DomainAssignment, DomainAssignment.id == Grant.assignment_id)
        .outerjoin(Member, and_(Member.server_id == Grant.server_id, Member.user_id == Grant.user_id))
        .where(
            Grant.revoked_at.is_(None),
            User.deleted_at.is_(None),
            McpServer.deleted_at.is_(None),
            DomainAssignment.released_at.is_(None),
            or_(McpServer.user_id == Grant.user_id, Member.user_id.is_not(None)),
        )
    )


def _has_token(now: datetime) -> ColumnElement[bool]:
    """Before its code was exchanged, and after its last token has expired, a grant lets nobody in."""
    return exists().where(
        OAuthToken.grant_id == Grant.id,
        OAuthToken.used_at.is_(None),
        OAuthToken.revoked_at.is_(None),
        OAuthToken.expires_at > now,
    )
