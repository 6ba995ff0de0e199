"""Bearer tokens, looked up by their hashes and believed for a second."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.agents import Agent
from auth.tokens import token_hash
from database.believed import Believed
from database.engine import Database


@dataclass(frozen=True, slots=True)
class Pass:
    """Whom a token lets in, on which assignment of a domain, and until when."""

    agent: Agent
    assignment_id: UUID
    expires_at: datetime | None


class Ring(ABC):
    """One kind of token. A token revoked here stops at once (`forget`), one revoked by another process within that
    second."""

    prefix: ClassVar[str]
    """What every token of this kind begins with."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._passes = Believed(self._read)
        self._used: dict[UUID, datetime] = {}

    async def find(self, token: str, assignment_id: UUID) -> Agent | None:
        """The agent this token lets in on this assignment of a domain; None for every other token."""
        if not token.startswith(self.prefix):
            return None
        found, now = await self._passes.get(token_hash(token)), self._clock()
        if found is None or found.assignment_id != assignment_id:
            return None
        if found.expires_at is not None and found.expires_at <= now:
            return None
        if found.agent.actor_id is not None:
            self._used[found.agent.actor_id] = now
        return found.agent

    def forget(self) -> None:
        """Tokens were changed: believe nothing any longer, nor what is being looked up right now."""
        self._passes.forget()

    async def write_uses(self) -> None:
        """Stores when tokens were last used. Called every few seconds and at the end. What could not be stored waits
        for the next time."""
        used = dict(self._used)
        if used:
            async with self._database.writing() as session:
                await self._note_use(session, used)
            self._used = {id_: at for id_, at in self._used.items() if used.get(id_) != at}

    @abstractmethod
    async def _look_up(self, session: AsyncSession, hash_: str, now: datetime) -> Pass | None: ...

    @abstractmethod
    async def _note_use(self, session: AsyncSession, used: Mapping[UUID, datetime]) -> None: ...

    async def _read(self, hash_: str) -> Pass | None:
        async with self._database.reading() as session:
            return await self._look_up(session, hash_, self._clock())
