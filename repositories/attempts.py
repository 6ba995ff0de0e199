"""Failed sign-ins and other attempts, counted per subject in a window of time. Shared by all processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import case, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import Attempt
from repositories.upsert import insert_or


class Attempts:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def counts(self, subjects: Sequence[str], now: datetime) -> Mapping[str, tuple[int, datetime]]:
        """For each subject that has any: how many in its window, and when that ends."""
        rows = await self._session.scalars(
            select(Attempt).where(Attempt.subject.in_(subjects), Attempt.window_ends_at > now)
        )
        return {row.subject: (row.count, row.window_ends_at) for row in rows}

    async def count(self, subject: str, now: datetime, window_ends_at: datetime) -> tuple[int, datetime]:
        """One more, in the running window or in a new one that ends as given. How many there are now, and its end."""
        over = Attempt.window_ends_at <= now
        insert = insert_or(self._session, Attempt).values(subject=subject, count=1, window_ends_at=window_ends_at)
        counted = await self._session.execute(
            insert.on_conflict_do_update(
                index_elements=[Attempt.subject],
                set_={
                    "count": case((over, 1), else_=Attempt.count + 1),
                    "window_ends_at": case((over, window_ends_at), else_=Attempt.window_ends_at),
                },
            ).returning(Attempt.count, Attempt.window_ends_at)
        )
        row = counted.one()
        return row[0], row[1]

    async def forget(self, subject: str) -> None:
        await self._session.execute(delete(Attempt).where(Attempt.subject == subject))

    async def sweep(self, now: datetime) -> int:
        """Removes the windows that are over, except those that somebody else is just counting in. How many."""
        over = select(Attempt.subject).where(Attempt.window_ends_at <= now).with_for_update(skip_locked=True)
        gone = await self._session.execute(delete(Attempt).where(Attempt.subject.in_(over)).returning(Attempt.subject))
        return len(gone.all())
