"""Who may use a server, and as what."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import McpServer, Member


class Members:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def role_of(self, server_id: UUID, user_id: UUID) -> str | None:
        """`owner`, `manager`, `reader`, or None for everybody else and for a deleted server."""
        owner_id = await self._session.scalar(
            select(McpServer.user_id).where(McpServer.id == server_id, McpServer.deleted_at.is_(None))
        )
        if owner_id is None or owner_id == user_id:
            return None if owner_id is None else "owner"
        return await self._session.scalar(
            select(Member.role).where(Member.server_id == server_id, Member.user_id == user_id)
        )
