"""The audit trail on the wire."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from schemas.answers import SourceStatus
from schemas.fields import Reply


class SourceActivity(Reply):
    key: str
    status: SourceStatus
    results: int
    took_ms: int


class Activity(Reply):
    """Something that happened; never a query, a title or a text."""

    id: UUID
    occurred_at: datetime
    actor: str = Field(description="user, key, anonymous or system.")
    actor_id: UUID | None
    action: str = Field(examples=["tool.called"])
    server_id: UUID | None
    target: str | None
    outcome: str
    took_ms: int | None
    results: int | None
    sources: list[SourceActivity] | None
    address: str | None
    agent: str | None
