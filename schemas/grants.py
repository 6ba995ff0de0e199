"""Connected agents on the wire."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from schemas.fields import Reply


class GrantedClient(Reply):
    name: str = Field(description="As the agent calls itself.")
    host: str | None = Field(description="Where the name is published; null: the agent gave it itself, unverified.")


class GrantedBy(Reply):
    id: UUID
    name: str
    email: str


class ConnectedAgent(Reply):
    """An agent that somebody let in by signing in."""

    id: UUID
    client: GrantedClient
    server_id: UUID
    server_name: str
    user: GrantedBy = Field(description="Who let it in.")
    scopes: list[str]
    created_at: datetime
    last_used_at: datetime | None
