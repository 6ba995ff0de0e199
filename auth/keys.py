"""Which bearer token lets an agent in at a gateway."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from auth.tokens import API_KEY_PREFIX, token_hash
from database.engine import Database
from repositories.keys import ApiKeys

READ: Final = "mcp:read"
WRITE: Final = "mcp:write"

_REMEMBERED_S: Final = 1.0
_REMEMBERED_KEYS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Whoever speaks MCP at a gateway, after the door."""

    key_id: UUID | None
    """None: anonymous, at a public server."""
    scopes: frozenset[str]

    @property
    def may_write(self) -> bool:
        return WRITE in self.scopes


ANONYMOUS: Final = Agent(key_id=None, scopes=frozenset({READ}))


@dataclass(frozen=True, slots=True)
class _Known:
    agent: Agent | None
    assignment_id: UUID | None
    expires_at: datetime | None
    until: float


class KeyRing:
    """Looks API keys up. What it found is believed for a second: a key revoked here stops at once (`forget`), one
    revoked by another process within that second."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._changes = 0
        self._used: dict[UUID, datetime] = {}

    async def find(self, token: str, assignment_id: UUID) -> Agent | None:
        """The agent this key lets in on this assignment of a domain; None for every other token."""
        if not token.startswith(API_KEY_PREFIX):
            return None
        key_hash = token_hash(token)
        known = self._known.get(key_hash)
        if known is None or known.until < time.monotonic():
            known = await self._look_up(key_hash)
        now = self._clock()
        if known.agent is None or known.assignment_id != assignment_id:
            return None
        if known.expires_at is not None and known.expires_at <= now:
            return None
        if known.agent.key_id is not None:
            self._used[known.agent.key_id] = now
        return known.agent

    def forget(self) -> None:
        """Keys were changed: believe nothing any longer, nor what is being looked up right now."""
        self._changes += 1
        self._known.clear()

    async def write_uses(self) -> None:
        """Stores when keys were last used. Called every few seconds and at the end."""
        used, self._used = self._used, {}
        if used:
            async with self._database.writing() as session:
                await ApiKeys(session).note_use(used)

    async def _look_up(self, key_hash: str) -> _Known:
        changes = self._changes
        async with self._database.reading() as session:
            row = await ApiKeys(session).find_live(key_hash, self._clock())
        until = time.monotonic() + _REMEMBERED_S
        if row is None:
            known = _Known(None, None, None, until)
        else:
            agent = Agent(key_id=row.id, scopes=frozenset({READ, WRITE}))
            known = _Known(agent, row.assignment_id, row.expires_at, until)
        if len(self._known) >= _REMEMBERED_KEYS:
            self._known.clear()
        if changes == self._changes:
            self._known[key_hash] = known
        return known
