"""The audit trail, only ever added to. A purge empties what identifies people and leaves the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypedDict, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Table, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.bulk import insert_rows
from database.models import ApiKey, AuditEvent, Grant, User
from repositories.paging import Page, Window, fetch_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which events of a trail are meant; None: all."""

    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is not meant any more."""
    action: str | None = None
    server_id: UUID | None = None
    outcome: str | None = None

    def of(self, user_id: UUID) -> Sequence[ColumnElement[bool]]:
        """As conditions on one user's trail."""
        found = [AuditEvent.user_id == user_id]
        if self.since is not None:
            found.append(AuditEvent.occurred_at >= self.since)
        if self.until is not None:
            found.append(AuditEvent.occurred_at < self.until)
        if self.action is not None:
            found.append(AuditEvent.action == self.action)
        if self.server_id is not None:
            found.append(AuditEvent.server_id == self.server_id)
        if self.outcome is not None:
            found.append(AuditEvent.outcome == self.outcome)
        return found


EVERYTHING = Filters()
_SEARCHING: Final = ("tool.called", "server.tried")


class NewEvent(TypedDict):
    """A row of the trail that is still to be written."""

    id: UUID
    occurred_at: datetime
    user_id: UUID | None
    actor: str
    actor_id: UUID | None
    action: str
    server_id: UUID | None
    target: str | None
    outcome: str
    took_ms: int | None
    results: int | None
    sources: list[dict[str, Any]] | None
    address: str | None
    agent: str | None
    salt: str
    commitment: str
    writer: str
    day: date
    position: int
    previous_hash: str
    hash: str


class AuditEvents:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add_all(self, events: Sequence[NewEvent]) -> None:
        """Rows are never made objects of: that would double the time."""
        await insert_rows(self._session, cast("Table", AuditEvent.__table__), events)

    async def which_exist(self, ids: Collection[UUID]) -> frozenset[UUID]:
        return frozenset(await self._session.scalars(select(AuditEvent.id).where(AuditEvent.id.in_(ids))))

    async def list_of(self, user_id: UUID, window: Window, filters: Filters = EVERYTHING) -> Page[AuditEvent]:
        """The trail of one user, newest first."""
        query = select(AuditEvent).where(*filters.of(user_id))
        return await fetch_page(self._session, query, window, AuditEvent.occurred_at, AuditEvent.id)

    async def last_answers(self, user_id: UUID, most: int) -> Mapping[str, datetime]:
        """When each source, by its key, last answered a search, told by the newest `most` events of one user's trail.
        An answer that was kept from an earlier search is none."""
        columns = (AuditEvent.occurred_at, AuditEvent.action, AuditEvent.target, AuditEvent.sources)
        newest = (
            select(*columns)
            .where(AuditEvent.user_id == user_id)
            .order_by(AuditEvent.occurred_at.desc())
            .limit(most)
            .subquery()
        )
        rows = await self._session.execute(
            select(newest.c.occurred_at, newest.c.sources)
            .where(newest.c.action.in_(_SEARCHING), newest.c.target == "search")
            .order_by(newest.c.occurred_at.desc())
        )
        found: dict[str, datetime] = {}
        for occurred_at, sources in rows:
            for told in sources or ():
                if told["status"] == "ok" and "reused" not in told:
                    found.setdefault(told["key"], occurred_at)
        return found

    async def list_of_installation(self, window: Window) -> Page[AuditEvent]:
        """What was done on the command line or by itself and is nobody's own, newest first."""
        query = select(AuditEvent).where(AuditEvent.user_id.is_(None), AuditEvent.actor == "system")
        return await fetch_page(self._session, query, window, AuditEvent.occurred_at, AuditEvent.id)

    async def chains(self) -> Sequence[tuple[str, date]]:
        """Every writer and day there is."""
        rows = await self._session.execute(select(AuditEvent.writer, AuditEvent.day).distinct())
        return [(row[0], row[1]) for row in rows]

    async def chain(self, writer: str, day: date) -> Sequence[AuditEvent]:
        query = select(AuditEvent).where(AuditEvent.writer == writer, AuditEvent.day == day)
        return (await self._session.scalars(query.order_by(AuditEvent.position))).all()

    async def empty_before(self, moment: datetime, most: int) -> int:
        """Takes addresses and programs out of events before the moment, of at most so many; of how many."""
        return await self._empty(AuditEvent.occurred_at < moment, most)

    async def empty_deleted_before(self, moment: datetime, most: int) -> int:
        """The same for everything that accounts deleted before the moment did, by themselves or by their agents."""
        gone = select(User.id).where(User.deleted_at < moment)
        theirs = or_(
            AuditEvent.user_id.in_(gone),
            AuditEvent.actor_id.in_(gone),
            AuditEvent.actor_id.in_(select(Grant.id).where(Grant.user_id.in_(gone))),
            AuditEvent.actor_id.in_(select(ApiKey.id).where(ApiKey.created_by.in_(gone))),
        )
        return await self._empty(theirs, most)

    async def _empty(self, condition: ColumnElement[bool], most: int) -> int:
        """The salt goes too: with it, an address could be guessed from its commitment."""
        full = select(AuditEvent.id).where(condition, AuditEvent.salt != "").limit(most)
        emptied = await self._session.scalars(
            update(AuditEvent)
            .where(AuditEvent.id.in_(full))
            .values(address=None, agent=None, salt="")
            .returning(AuditEvent.id)
            .execution_options(synchronize_session=False)
        )
        return len(emptied.all())
