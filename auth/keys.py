"""API keys at the door."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.agents import READ, WRITE, Agent
from auth.rings import Pass, Ring
from auth.tokens import API_KEY_PREFIX
from repositories.keys import ApiKeys


class KeyRing(Ring):
    """Looks API keys up."""

    prefix = API_KEY_PREFIX

    async def _look_up(self, session: AsyncSession, hash_: str, now: datetime) -> Pass | None:
        row = await ApiKeys(session).find_live(hash_, now)
        if row is None:
            return None
        return Pass(Agent(key_id=row.id, scopes=frozenset({READ, WRITE})), row.assignment_id, row.expires_at)

    async def _note_use(self, session: AsyncSession, used: Mapping[UUID, datetime]) -> None:
        await ApiKeys(session).note_use(used)
