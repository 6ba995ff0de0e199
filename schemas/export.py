"""Everything of an account in one piece."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from schemas.accounts import Session, User
from schemas.activity import Activity
from schemas.fields import Reply
from schemas.servers import Key, Server
from schemas.sources import Source


class ExportedKey(Key):
    server_id: UUID


class ExportedGrant(Reply):
    """An agent that the person let in by signing in."""

    id: UUID
    agent: str = Field(description="As it calls itself.")
    server_id: UUID
    scopes: list[str]
    created_at: datetime
    last_used_at: datetime | None


class Export(Reply):
    """Secrets are not in it, and no documents: those are where the sources keep them."""

    user: User
    sessions: list[Session]
    sources: list[Source]
    servers: list[Server] = Field(description="The person's own, and those they are a member of: role tells which.")
    keys: list[ExportedKey] = Field(description="Those the person made and nobody revoked.")
    grants: list[ExportedGrant]
    activity: list[Activity]
