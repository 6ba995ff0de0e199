"""Servers, as somebody who may let agents in there sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, case, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import DomainAssignment, McpServer, Member, ServerSource, Source
from schemas.members import Role


@dataclass(frozen=True, slots=True)
class Place:
    """A server on its domain, what it searches, and what the person is there."""

    server_id: UUID
    assignment_id: UUID
    owner_id: UUID
    name: str
    domain: str
    url: str
    """Base URL of the gateway."""
    role: Role
    sources: tuple[str, ...]
    """Names of what it searches now."""


class Places:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_domain(self, url: str) -> str | None:
        """The domain of the gateway with this base URL, if a server holds it."""
        return await self._session.scalar(
            select(DomainAssignment.domain).where(DomainAssignment.url == url, DomainAssignment.released_at.is_(None))
        )

    async def list_for(self, user_id: UUID) -> Sequence[Place]:
        """Every server that the person owns or is a member of, by name."""
        role = case((McpServer.user_id == user_id, "owner"), else_=Member.role)
        rows = await self._session.execute(
            select(McpServer, DomainAssignment, role)
            .join(DomainAssignment, DomainAssignment.server_id == McpServer.id)
            .outerjoin(Member, and_(Member.server_id == McpServer.id, Member.user_id == user_id))
            .where(
                McpServer.deleted_at.is_(None),
                DomainAssignment.released_at.is_(None),
                or_(McpServer.user_id == user_id, Member.user_id.is_not(None)),
            )
            .order_by(McpServer.name, McpServer.id)
        )
        found = rows.all()
        names = await self._source_names([server.id for server, _, _ in found])
        return [
            Place(
                server_id=server.id,
                assignment_id=assignment.id,
                owner_id=server.user_id,
                name=server.name,
                domain=assignment.domain,
                url=assignment.url,
                role=role,
                sources=tuple(names.get(server.id, ())),
            )
            for server, assignment, role in found
        ]

    async def _source_names(self, server_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
        rows = await self._session.execute(
            select(ServerSource.server_id, Source.name)
            .join(Source, Source.id == ServerSource.source_id)
            .where(ServerSource.server_id.in_(server_ids), ServerSource.enabled, Source.deleted_at.is_(None))
            .order_by(Source.name)
        )
        grouped: dict[UUID, list[str]] = {}
        for server_id, name in rows:
            grouped.setdefault(server_id, []).append(name)
        return grouped
