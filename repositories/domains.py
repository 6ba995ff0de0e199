"""Who holds which gateway domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import DomainAssignment, McpServer, PoolChange, User
from repositories.upsert import insert_or


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Who holds a domain now."""

    domain: str
    url: str
    since: datetime
    server_name: str
    owner_name: str
    owner_email: str


class Domains:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def free_for(self, user_id: UUID, domains: Sequence[str], released_before: datetime) -> Sequence[str]:
        """Those of the domains that this user may claim, in the order given: not held now, and last held by the same
        user or released before the given moment."""
        kept_from_others = and_(DomainAssignment.released_at > released_before, DomainAssignment.user_id != user_id)
        taken = frozenset(
            await self._session.scalars(
                select(DomainAssignment.domain).where(
                    DomainAssignment.domain.in_(domains), or_(DomainAssignment.released_at.is_(None), kept_from_others)
                )
            )
        )
        return [domain for domain in domains if domain not in taken]

    async def claim(
        self, *, domain: str, url: str, server_id: UUID, user_id: UUID, now: datetime
    ) -> DomainAssignment | None:
        """The new assignment, or None if somebody else holds the domain by now. The unique index decides."""
        taken = await self._session.scalars(
            insert_or(self._session, DomainAssignment)
            .values(id=uuid4(), domain=domain, url=url, server_id=server_id, user_id=user_id, created_at=now)
            .on_conflict_do_nothing()
            .returning(DomainAssignment)
        )
        return taken.one_or_none()

    async def release(self, server_id: UUID, now: datetime) -> None:
        await self._session.execute(
            update(DomainAssignment)
            .where(DomainAssignment.server_id == server_id, DomainAssignment.released_at.is_(None))
            .values(released_at=now)
        )

    async def list_pool_changes(self) -> Sequence[PoolChange]:
        """What was added to the pool or retired from it, oldest first."""
        return (
            await self._session.scalars(select(PoolChange).order_by(PoolChange.changed_at, PoolChange.domain))
        ).all()

    async def change_pool(self, *, domain: str, url: str, retired: bool, now: datetime) -> None:
        """The last word about a domain counts."""
        values = {"url": url, "retired": retired, "changed_at": now}
        insert = insert_or(self._session, PoolChange).values(domain=domain, **values)
        await self._session.execute(insert.on_conflict_do_update(index_elements=[PoolChange.domain], set_=values))

    async def list_holdings(self) -> Sequence[Holding]:
        """Every assignment in force with its server's owner, by domain."""
        rows = await self._session.execute(
            select(DomainAssignment, McpServer, User)
            .join(McpServer, McpServer.id == DomainAssignment.server_id)
            .join(User, User.id == McpServer.user_id)
            .where(DomainAssignment.released_at.is_(None))
            .order_by(DomainAssignment.domain)
        )
        return [
            Holding(
                domain=row[0].domain,
                url=row[0].url,
                since=row[0].created_at,
                server_name=row[1].name,
                owner_name=row[2].name,
                owner_email=row[2].email,
            )
            for row in rows
        ]

    async def list_released(self, after: datetime) -> Sequence[DomainAssignment]:
        """Assignments that ended after this moment, oldest first."""
        query = select(DomainAssignment).where(DomainAssignment.released_at > after)
        return (await self._session.scalars(query.order_by(DomainAssignment.released_at))).all()

    async def list_held(self) -> Sequence[DomainAssignment]:
        """Every assignment in force, by domain."""
        query = select(DomainAssignment).where(DomainAssignment.released_at.is_(None))
        return (await self._session.scalars(query.order_by(DomainAssignment.domain))).all()
