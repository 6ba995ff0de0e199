"""Whoever speaks MCP at a gateway, after the door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

READ: Final = "mcp:read"
WRITE: Final = "mcp:write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent without a key and without a grant is anonymous, at a public server."""

    scopes: frozenset[str]
    key_id: UUID | None = None
    grant_id: UUID | None = None
    user_id: UUID | None = None
    """Who granted it."""
    may_widen: bool = False
    """Whether the person could grant it the right to change things, should it ask."""

    @property
    def may_write(self) -> bool:
        return WRITE in self.scopes

    @property
    def actor(self) -> str:
        """What the audit trail calls it: anonymous, key or agent."""
        return "agent" if self.grant_id else "key" if self.key_id else "anonymous"

    @property
    def actor_id(self) -> UUID | None:
        return self.grant_id or self.key_id


ANONYMOUS: Final = Agent(scopes=frozenset({READ}))
