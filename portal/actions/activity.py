"""What happened: the audit trail, and what it adds up to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from auth.access import SignedIn
from auth.audit import AuditTrail
from database.engine import Database
from database.models import AuditEvent
from errors import Invalid
from repositories.audit import EVERYTHING, AuditEvents, Filters
from repositories.figures import AgentFigures, BucketFigures, Figures, SourceFigures
from repositories.paging import Page, Window

_LONGEST: Final = timedelta(days=400)
_USUAL: Final = timedelta(days=7)
_MOST_BUCKETS: Final = 120
_BUCKETS_S: Final = (60, 300, 900, 3_600, 10_800, 21_600, 86_400, 604_800)
_MOST_AGENTS: Final = 20
_ROWS_AT_ONCE: Final = 1_000
_LATELY: Final = 500
"""How many events are looked through for the last answers of sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What agents did in a stretch of time."""

    since: datetime
    until: datetime
    first: datetime
    """When the first bucket begins; at or before `since`."""
    bucket: timedelta
    buckets: Sequence[BucketFigures]
    sources: Sequence[SourceFigures]
    agents: Sequence[AgentFigures]


class ActivityActions:
    def __init__(self, database: Database, audit: AuditTrail, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    async def list_mine(self, person: SignedIn, window: Window, filters: Filters = EVERYTHING) -> Page[AuditEvent]:
        """Newest first, with everything that happened until now."""
        await self._audit.flush()
        async with self._database.reading() as session:
            return await AuditEvents(session).list_of(person.user_id, window, filters)

    async def last_answers(self, person: SignedIn) -> Mapping[str, datetime]:
        """When each of the person's sources, by its key, last answered a search by itself, as far as the newest events
        of their trail tell; what happened within the last second may be missing."""
        async with self._database.reading() as session:
            return await AuditEvents(session).last_answers(person.user_id, _LATELY)

    async def every_mine(self, person: SignedIn, filters: Filters) -> AsyncIterator[Sequence[AuditEvent]]:
        """All of it, newest first, in parts that fit into memory."""
        window: Window | None = Window(_ROWS_AT_ONCE)
        while window is not None:
            page = await self.list_mine(person, window, filters)
            yield page.items
            window = None if page.next is None else Window(_ROWS_AT_ONCE, page.next)

    async def summarise_last(self, person: SignedIn, length: timedelta, server_id: UUID | None) -> Summary:
        """The stretch of this length that ends now."""
        now = self._clock()
        return await self.summarise(person, since=now - length, until=now, server_id=server_id)

    async def summarise(
        self, person: SignedIn, *, since: datetime | None, until: datetime | None, server_id: UUID | None
    ) -> Summary:
        """The last seven days unless said otherwise. Raises Invalid for a stretch that ends before it begins or is
        longer than 400 days."""
        until = self._clock() if until is None else until.astimezone(UTC)
        since = until - _USUAL if since is None else since.astimezone(UTC)
        if not timedelta(0) < until - since <= _LONGEST:
            raise Invalid.field("from", "Choose a beginning before the end, at most 400 days apart.")
        bucket_s = _bucket_s(until - since)
        first_s = int(since.timestamp()) // bucket_s * bucket_s
        await self._audit.flush()
        async with self._database.reading() as session:
            figures = Figures(session, person.user_id, Filters(since=since, until=until, server_id=server_id))
            buckets = {one.number: one for one in await figures.buckets(first_s, bucket_s)}
            sources = await figures.sources()
            agents = await figures.agents(_MOST_AGENTS)
        count = -(-(until.timestamp() - first_s) // bucket_s)
        return Summary(
            since=since,
            until=until,
            first=datetime.fromtimestamp(first_s, UTC),
            bucket=timedelta(seconds=bucket_s),
            buckets=[buckets.get(number, BucketFigures(number, 0, 0, 0)) for number in range(int(count))],
            sources=sources,
            agents=agents,
        )


def _bucket_s(length: timedelta) -> int:
    """The shortest of the usual lengths of which few enough fit."""
    fitting = (size for size in _BUCKETS_S if length.total_seconds() / size <= _MOST_BUCKETS)
    return next(fitting, _BUCKETS_S[-1])
