"""Access tokens at the door."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.agents import WRITE, Agent
from auth.rights import may_edit
from auth.rings import Pass, Ring
from auth.tokens import ACCESS_PREFIX
from repositories.grants import Grants
from repositories.oauth import OAuthTokens


class AgentTokens(Ring):
    """Looks access tokens up. One opens a server only while everything its grant leans on is there, and changes things
    only while the person who granted it may."""

    prefix = ACCESS_PREFIX

    async def _look_up(self, session: AsyncSession, hash_: str, now: datetime) -> Pass | None:
        found = await OAuthTokens(session).find_access(hash_, now)
        if found is None:
            return None
        token, held = found
        may_write = may_edit(held.role)
        agent = Agent(
            grant_id=held.grant.id,
            user_id=held.grant.user_id,
            scopes=frozenset(token.scopes) if may_write else frozenset(token.scopes) - {WRITE},
            may_widen=may_write and WRITE not in token.scopes,
        )
        return Pass(agent, held.grant.assignment_id, token.expires_at)

    async def _note_use(self, session: AsyncSession, used: Mapping[UUID, datetime]) -> None:
        await Grants(session).note_use(used)
