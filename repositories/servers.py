"""MCP servers and the sources they use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import DomainAssignment, McpServer, Member, ServerSource, Source, User
from errors import NotFound
from repositories.domains import Domains
from repositories.members import Members
from repositories.paging import Page, Window, fetch_page
from schemas.members import Role


@dataclass(frozen=True, slots=True)
class Placed:
    """A server, where it is reached, and what it uses."""

    server: McpServer
    assignment: DomainAssignment
    sources: Sequence[tuple[ServerSource, Source]]


@dataclass(frozen=True, slots=True)
class Seen(Placed):
    """A server as one person sees it: what they are to it, and whose it is."""

    role: Role
    owner_name: str


class Servers:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, server: McpServer) -> McpServer:
        self._session.add(server)
        await self._session.flush()
        return server

    async def find(self, server_id: UUID) -> McpServer | None:
        """Whoever's it is: auth/rights.py loads servers for people."""
        return await self._session.scalar(
            select(McpServer).where(McpServer.id == server_id, McpServer.deleted_at.is_(None))
        )

    async def find_locked(self, server_id: UUID) -> McpServer | None:
        return await self._session.scalar(
            select(McpServer).where(McpServer.id == server_id, McpServer.deleted_at.is_(None)).with_for_update()
        )

    async def count_of(self, user_id: UUID) -> int:
        query = select(func.count()).where(McpServer.user_id == user_id, McpServer.deleted_at.is_(None))
        return await self._session.scalar(query) or 0

    async def list_all_of(self, user_id: UUID) -> Sequence[McpServer]:
        query = select(McpServer).where(McpServer.user_id == user_id, McpServer.deleted_at.is_(None))
        return (await self._session.scalars(query.order_by(McpServer.created_at.desc()))).all()

    async def seen(self, server: McpServer, role: Role) -> Seen:
        """The server with its domain and sources, for somebody who has this role."""
        return (await self._see([server], {server.id: role}))[0]

    async def placed_at(self, domain: str) -> Placed | None:
        """The server that holds this domain now."""
        found = await self._session.scalar(
            select(McpServer)
            .join(DomainAssignment, DomainAssignment.server_id == McpServer.id)
            .where(
                DomainAssignment.domain == domain,
                DomainAssignment.released_at.is_(None),
                McpServer.deleted_at.is_(None),
            )
        )
        return None if found is None else (await self._place([found]))[0]

    async def list_seen(self, user_id: UUID, window: Window) -> Page[Seen]:
        """The servers that the user owns or is a member of."""
        shared = select(Member.server_id).where(Member.user_id == user_id)
        query = select(McpServer).where(
            or_(McpServer.user_id == user_id, McpServer.id.in_(shared)), McpServer.deleted_at.is_(None)
        )
        page = await fetch_page(self._session, query, window, McpServer.created_at, McpServer.id)
        roles: dict[UUID, Role] = {server.id: "owner" for server in page.items if server.user_id == user_id}
        roles |= await Members(self._session).roles_at(user_id, [server.id for server in page.items])
        return Page(await self._see(page.items, roles), page.next)

    async def delete(self, server: McpServer, now: datetime) -> None:
        """The server is gone for everyone, and its domain free again."""
        server.deleted_at = now
        server.updated_at = now
        await self._session.flush()
        await Domains(self._session).release(server.id, now)

    async def set_sources(self, server_id: UUID, source_ids: Sequence[UUID]) -> None:
        """The server uses exactly these from now on; those that stay keep their switches and budgets."""
        kept = frozenset(
            await self._session.scalars(select(ServerSource.source_id).where(ServerSource.server_id == server_id))
        )
        gone = kept - frozenset(source_ids)
        if gone:
            await self._session.execute(
                delete(ServerSource).where(ServerSource.server_id == server_id, ServerSource.source_id.in_(gone))
            )
        new = [ServerSource(server_id=server_id, source_id=id_) for id_ in dict.fromkeys(source_ids) if id_ not in kept]
        self._session.add_all(new)
        await self._session.flush()

    async def get_link(self, server_id: UUID, source_id: UUID) -> ServerSource:
        """How the server uses this source. Raises NotFound."""
        link = await self._session.scalar(
            select(ServerSource)
            .where(ServerSource.server_id == server_id, ServerSource.source_id == source_id)
            .with_for_update()
        )
        if link is None:
            raise NotFound("This server does not use such a source.")
        return link

    async def list_using(self, source_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[McpServer]]:
        """Source to the servers that use it, in the order of their names."""
        rows = await self._session.execute(
            select(ServerSource.source_id, McpServer)
            .join(McpServer, McpServer.id == ServerSource.server_id)
            .where(ServerSource.source_id.in_(source_ids), McpServer.deleted_at.is_(None))
            .order_by(McpServer.name, McpServer.id)
        )
        grouped: dict[UUID, list[McpServer]] = {}
        for source_id, server in rows:
            grouped.setdefault(source_id, []).append(server)
        return grouped

    async def drop_source(self, source_id: UUID) -> None:
        """No server uses this source any longer."""
        await self._session.execute(delete(ServerSource).where(ServerSource.source_id == source_id))

    async def _see(self, servers: Sequence[McpServer], roles: Mapping[UUID, Role]) -> Sequence[Seen]:
        owners = {server.user_id for server in servers}
        rows = await self._session.execute(
            select(User.id, User.name).where(User.id.in_(owners), User.deleted_at.is_(None))
        )
        names = {row[0]: row[1] for row in rows}
        return [
            Seen(one.server, one.assignment, one.sources, roles[one.server.id], names[one.server.user_id])
            for one in await self._place(servers)
        ]

    async def _place(self, servers: Sequence[McpServer]) -> Sequence[Placed]:
        ids = [server.id for server in servers]
        assignments = {
            row.server_id: row
            for row in await self._session.scalars(
                select(DomainAssignment).where(
                    DomainAssignment.server_id.in_(ids), DomainAssignment.released_at.is_(None)
                )
            )
        }
        sources = await self._sources_of(ids)
        return [Placed(server, assignments[server.id], sources.get(server.id, ())) for server in servers]

    async def _sources_of(self, server_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[tuple[ServerSource, Source]]]:
        rows = await self._session.execute(
            select(ServerSource, Source)
            .join(Source, Source.id == ServerSource.source_id)
            .where(ServerSource.server_id.in_(server_ids), Source.deleted_at.is_(None))
            .order_by(Source.key)
        )
        grouped: dict[UUID, list[tuple[ServerSource, Source]]] = {}
        for link, source in rows:
            grouped.setdefault(link.server_id, []).append((link, source))
        return grouped


def erase(server: McpServer) -> None:
    """Nothing that its owner wrote stays in the row."""
    server.name = ""
    server.instructions = None
