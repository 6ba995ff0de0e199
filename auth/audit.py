"""The audit trail: what happened, written in batches, in chains that show when something was changed.

Each process is a writer with a name of its own and keeps one chain per day. An event's hash covers the one before it
and everything in the row except what identifies a person; of that it covers a salted commitment, so that a purge can
empty those columns and the chain still verifies. What was recorded in the last quarter of a second is lost when a
process is killed, under full load in the last second; a clean stop loses nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError

from database.engine import Database
from database.models import AuditEvent
from errors import DatabaseAway
from repositories.audit import AuditEvents, NewEvent

_PERIOD_S: Final = 0.25
_BATCH: Final = 512
"""Events in a transaction, a multiple of what goes into a statement."""
_MOST_WAITING: Final = 20_000
_START: Final = "0" * 64
_HASHED: Final = (
    "id", "occurred_at", "user_id", "actor", "actor_id", "action", "server_id", "target", "outcome", "took_ms",
    "results", "sources", "commitment", "writer", "day", "position", "previous_hash",
)  # fmt: skip


log = structlog.get_logger()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, default=_plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something worth keeping. Never content: no query, no title, no text."""

    user_id: UUID | None
    """Whose trail it belongs to."""
    actor: str
    action: str
    actor_id: UUID | None = None
    server_id: UUID | None = None
    target: str | None = None
    outcome: str = "ok"
    took_ms: int | None = None
    results: int | None = None
    sources: Sequence[Mapping[str, Any]] | None = None
    address: str | None = None
    agent: str | None = None


class AuditTrail:
    """Records at once, writes a moment later in a transaction of its own: an event outlives the error it tells of."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[NewEvent] = deque()
        self._writer = secrets.token_hex(8)
        self._day: date | None = None
        self._position = 0
        self._previous = _START
        self._writing = asyncio.Lock()
        self._unsure = False
        self._task: asyncio.Task[None] | None = None

    def record(self, event: Event) -> None:
        """While the database stays away and too many events wait, those that come are lost, and it is logged."""
        if len(self._waiting) >= _MOST_WAITING:
            log.error("audit.lost", waiting=_MOST_WAITING, action=event.action)
            return
        occurred_at = self._clock()
        day = occurred_at.date()
        if self._day is None or day > self._day:  # a clock that is set back must not begin a chain again
            self._day, self._position, self._previous = day, 0, _START
        row = self._row(occurred_at, event, self._day)
        self._waiting.append(row)
        self._position, self._previous = self._position + 1, row["hash"]

    def start(self) -> None:
        self._task = asyncio.create_task(self._write_forever(), name="audit")

    async def aclose(self) -> None:
        """Writes what still waits."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.flush()

    async def flush(self) -> None:
        """Returns when everything recorded until now is in the database. Who waits may give up; what is being written
        is written to the end, because after a commit of unknown outcome the chain could not go on."""
        await asyncio.shield(asyncio.create_task(self._write_waiting(), name="audit batch"))

    async def _write_waiting(self) -> None:
        async with self._writing:
            while self._waiting:
                await self._write(list(islice(self._waiting, _BATCH)))

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(_PERIOD_S)
            try:
                await self.flush()
            except (DatabaseAway, SQLAlchemyError, OSError):
                log.exception("audit.delayed", waiting=len(self._waiting))

    async def _write(self, batch: Sequence[NewEvent]) -> None:
        """The events stop waiting only when the transaction has succeeded. One whose COMMIT was not answered may have
        succeeded too, so the next one asks first what is there."""
        unsure, self._unsure = self._unsure, True
        async with self._database.writing() as session:
            events = AuditEvents(session)
            written = await events.which_exist([row["id"] for row in batch]) if unsure else frozenset()
            await events.add_all([row for row in batch if row["id"] not in written])
        self._unsure = False
        for _ in batch:
            self._waiting.popleft()

    def _row(self, occurred_at: datetime, event: Event, day: date) -> NewEvent:
        """The event as the next one of the chain."""
        salt = secrets.token_hex(16)
        address, agent = event.address, None if event.agent is None else event.agent[:120]
        row = NewEvent(
            id=uuid4(),
            occurred_at=occurred_at,
            user_id=event.user_id,
            actor=event.actor,
            actor_id=event.actor_id,
            action=event.action,
            server_id=event.server_id,
            target=event.target,
            outcome=event.outcome,
            took_ms=event.took_ms,
            results=event.results,
            sources=None if event.sources is None else [dict(source) for source in event.sources],
            address=address,
            agent=agent,
            salt=salt,
            commitment=_commit(salt, address, agent),
            writer=self._writer,
            day=day,
            position=self._position,
            previous_hash=self._previous,
            hash="",
        )
        row["hash"] = _hash(row)
        return row


@dataclass(frozen=True, slots=True)
class Break:
    """The first event of a chain that is not as it was written."""

    writer: str
    day: date
    position: int


def verify(chain: Sequence[AuditEvent]) -> Break | None:
    """None if the chain of one writer and day is whole, as ordered by position. Purged personal fields are no break."""
    previous = _START
    for position, row in enumerate(chain):
        purged = row.salt == "" and row.address is None and row.agent is None
        whole = (
            row.position == position
            and row.previous_hash == previous
            and row.hash == _hash({name: getattr(row, name) for name in _HASHED})
            and (purged or row.commitment == _commit(row.salt, row.address, row.agent))
        )
        if not whole:
            return Break(row.writer, row.day, position)
        previous = row.hash
    return None


def _commit(salt: str, address: str | None, agent: str | None) -> str:
    return hashlib.sha256(_CANONICAL.encode([salt, address, agent]).encode()).hexdigest()


def _hash(event: Mapping[str, object]) -> str:
    fields = {name: event[name] for name in _HASHED}
    return hashlib.sha256(_CANONICAL.encode(fields).encode()).hexdigest()
