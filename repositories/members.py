"""Who may use somebody else's server, as what, and who is invited to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import McpServer, Member, ServerInvitation, User
from errors import NotFound
from repositories.paging import Page, Window, fetch_page
from schemas.members import MemberRole, Role


class Members:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def role_of(self, server_id: UUID, user_id: UUID) -> Role | None:
        """`owner`, `manager`, `reader`, or None for everybody else and for a deleted server."""
        owner_id = await self._session.scalar(
            select(McpServer.user_id).where(McpServer.id == server_id, McpServer.deleted_at.is_(None))
        )
        if owner_id is None or owner_id == user_id:
            return None if owner_id is None else "owner"
        return await self._session.scalar(
            select(Member.role).where(Member.server_id == server_id, Member.user_id == user_id)
        )

    async def roles_at(self, user_id: UUID, server_ids: Sequence[UUID]) -> Mapping[UUID, MemberRole]:
        """Of these servers, those that the user is a member of, and as what."""
        rows = await self._session.execute(
            select(Member.server_id, Member.role).where(Member.user_id == user_id, Member.server_id.in_(server_ids))
        )
        return {row[0]: row[1] for row in rows}

    async def list_of(self, server_id: UUID, window: Window) -> Page[tuple[Member, User]]:
        query = (
            select(Member)
            .join(User, User.id == Member.user_id)
            .where(Member.server_id == server_id, User.deleted_at.is_(None))
        )
        page = await fetch_page(self._session, query, window, Member.created_at, Member.user_id)
        ids = [member.user_id for member in page.items]
        users = await self._session.scalars(select(User).where(User.id.in_(ids), User.deleted_at.is_(None)))
        people = {user.id: user for user in users}
        return Page([(member, people[member.user_id]) for member in page.items], page.next)

    async def get(self, server_id: UUID, user_id: UUID) -> tuple[Member, User]:
        """Raises NotFound."""
        found = await self._session.execute(
            select(Member, User)
            .join(User, User.id == Member.user_id)
            .where(Member.server_id == server_id, Member.user_id == user_id, User.deleted_at.is_(None))
        )
        row = found.one_or_none()
        if row is None:
            raise NotFound("There is no such member.")
        return row[0], row[1]

    async def count_of(self, server_id: UUID) -> int:
        return await self._session.scalar(select(func.count()).where(Member.server_id == server_id)) or 0

    async def add(self, member: Member) -> Member:
        self._session.add(member)
        await self._session.flush()
        return member

    async def remove(self, server_id: UUID, user_id: UUID) -> None:
        """Raises NotFound unless the user was a member."""
        gone = await self._session.scalars(
            delete(Member).where(Member.server_id == server_id, Member.user_id == user_id).returning(Member.user_id)
        )
        if gone.one_or_none() is None:
            raise NotFound("There is no such member.")

    async def forget_server(self, server_id: UUID) -> None:
        """Nobody is a member of it any longer, nor invited."""
        await self._session.execute(delete(ServerInvitation).where(ServerInvitation.server_id == server_id))
        await self._session.execute(delete(Member).where(Member.server_id == server_id))

    async def forget_user(self, user_id: UUID, email_key: str) -> None:
        """Of an account that ends: its memberships, and the invitations that name its address or that it made."""
        await self._session.execute(
            delete(ServerInvitation).where(
                or_(ServerInvitation.email_key == email_key, ServerInvitation.invited_by == user_id)
            )
        )
        await self._session.execute(delete(Member).where(Member.user_id == user_id))


class ServerInvitations:
    """Only those that can still be accepted have a row, and until `sweep` those that are too old."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def replace(self, invitation: ServerInvitation) -> ServerInvitation:
        """Adds it in the place of an earlier one of the same server for the same address."""
        await self._session.execute(
            delete(ServerInvitation).where(
                ServerInvitation.server_id == invitation.server_id,
                ServerInvitation.email_key == invitation.email_key,
            )
        )
        self._session.add(invitation)
        await self._session.flush()
        return invitation

    async def find_open(self, token_hash: str, now: datetime) -> ServerInvitation | None:
        return await self._session.scalar(
            select(ServerInvitation).where(ServerInvitation.token_hash == token_hash, ServerInvitation.expires_at > now)
        )

    async def use(self, token_hash: str, now: datetime) -> bool:
        """Whether it could be used; it is gone now. Of parallel calls one is told so."""
        gone = await self._session.scalars(
            delete(ServerInvitation)
            .where(ServerInvitation.token_hash == token_hash, ServerInvitation.expires_at > now)
            .returning(ServerInvitation.id)
        )
        return gone.one_or_none() is not None

    async def list_open(self, server_id: UUID, now: datetime, window: Window) -> Page[ServerInvitation]:
        query = select(ServerInvitation).where(
            ServerInvitation.server_id == server_id, ServerInvitation.expires_at > now
        )
        return await fetch_page(self._session, query, window, ServerInvitation.created_at, ServerInvitation.id)

    async def count_open(self, server_id: UUID, now: datetime) -> int:
        query = select(func.count()).where(ServerInvitation.server_id == server_id, ServerInvitation.expires_at > now)
        return await self._session.scalar(query) or 0

    async def revoke(self, server_id: UUID, invitation_id: UUID, now: datetime) -> None:
        """Raises NotFound unless it is an open one of this server."""
        gone = await self._session.scalars(
            delete(ServerInvitation)
            .where(
                ServerInvitation.id == invitation_id,
                ServerInvitation.server_id == server_id,
                ServerInvitation.expires_at > now,
            )
            .returning(ServerInvitation.id)
        )
        if gone.one_or_none() is None:
            raise NotFound("There is no such open invitation.")

    async def sweep(self, now: datetime) -> None:
        """Those that are too old go, everywhere."""
        await self._session.execute(delete(ServerInvitation).where(ServerInvitation.expires_at <= now))
