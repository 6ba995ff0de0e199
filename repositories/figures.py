"""What the audit trail adds up to, computed by the database: a trail may have 100,000 rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    TableValuedAlias,
    Text,
    case,
    cast,
    extract,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import AuditEvent
from repositories.audit import Filters

CALL: Final = "tool.called"

_SEARCH: Final = "search"


@dataclass(frozen=True, slots=True)
class BucketFigures:
    number: int
    """Counted from the first bucket's beginning."""
    calls: int
    searches: int
    failed: int


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """One source, over all searches that asked it, however it answered."""

    key: str
    by_status: Mapping[str, int]
    p50_ms: int
    p95_ms: int

    @property
    def asked(self) -> int:
        return sum(self.by_status.values())


@dataclass(frozen=True, slots=True)
class AgentFigures:
    actor: str
    actor_id: UUID | None
    server_id: UUID | None
    calls: int
    failed: int
    last_at: datetime


class Figures:
    """Of the calls in one user's trail that the filters mean."""

    def __init__(self, session: AsyncSession, user_id: UUID, filters: Filters) -> None:
        self._session = session
        self._calls = (*filters.of(user_id), AuditEvent.action == CALL)
        self._is_sqlite = session.get_bind().dialect.name == "sqlite"

    async def buckets(self, first_s: int, bucket_s: int) -> Sequence[BucketFigures]:
        """Those in which anything happened. `first_s` is when the first begins, in seconds of Unix time."""
        epoch = extract("epoch", AuditEvent.occurred_at)  # whole seconds on SQLite, a fraction on PostgreSQL
        whole = epoch if self._is_sqlite else func.floor(epoch)
        number = (cast(whole, BigInteger) - first_s) // bucket_s
        rows = await self._session.execute(
            select(number.label("number"), func.count(), _count_if(AuditEvent.target == _SEARCH), _count_if(_failed()))
            .where(*self._calls)
            .group_by(literal_column("number"))
        )
        return [BucketFigures(int(row[0]), row[1], row[2] or 0, row[3] or 0) for row in rows]

    async def sources(self) -> Sequence[SourceFigures]:
        """Asked most often first. The database counts equal reports; taking them apart costs us less than it."""
        each, report = self._each_report()
        rows = await self._session.execute(
            select(report.label("report"), func.count())
            .select_from(AuditEvent)
            .join(each, literal_column("1") == literal_column("1"))
            .where(*self._calls, AuditEvent.target == _SEARCH, report.is_not(None))  # a call may have asked nobody
            .group_by(literal_column("report"))
        )
        statuses: dict[str, Counter[str]] = {}
        times: dict[str, Counter[int]] = {}
        for text, count in rows:
            told = json.loads(text)
            if "reused" in told:  # nobody was asked
                continue
            statuses.setdefault(told["key"], Counter())[told["status"]] += count
            times.setdefault(told["key"], Counter())[told["took_ms"]] += count
        found = [
            SourceFigures(key, statuses[key], _percentile(times[key], 50), _percentile(times[key], 95))
            for key in statuses
        ]
        return sorted(found, key=lambda one: (-one.asked, one.key))

    async def agents(self, most: int) -> Sequence[AgentFigures]:
        """Busiest first."""
        who = (AuditEvent.actor, AuditEvent.actor_id, AuditEvent.server_id)
        rows = await self._session.execute(
            select(*who, func.count(), _count_if(_failed()), func.max(AuditEvent.occurred_at))
            .where(*self._calls)
            .group_by(*who)
            .order_by(func.count().desc(), AuditEvent.actor_id)
            .limit(most)
        )
        return [AgentFigures(row[0], row[1], row[2], row[3], row[4] or 0, row[5]) for row in rows]

    def _each_report(self) -> tuple[TableValuedAlias, ColumnElement[str]]:
        """The reports of a search as rows to join, one per source, and the text of one: JSON."""
        if self._is_sqlite:
            one = func.json_each(AuditEvent.sources).table_valued("value", name="one")
            return one, one.c.value
        listed = case((func.json_typeof(AuditEvent.sources) == "array", AuditEvent.sources), else_=func.json("[]"))
        one = func.json_array_elements(listed).table_valued("value", name="one")
        return one, cast(one.c.value, Text)


def _failed() -> ColumnElement[bool]:
    return AuditEvent.outcome != "ok"


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _percentile(times: Mapping[int, int], percent: int) -> int:
    """The smallest time that at least so many of all times do not exceed, out of how often each was measured."""
    total, passed = sum(times.values()), 0
    for took_ms in sorted(times):
        passed += times[took_ms]
        if passed * 100 >= total * percent:
            return took_ms
    raise ValueError("no times")
