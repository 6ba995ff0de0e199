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
    took_ms: int = Field(description="For how long the search waited for this source.")
    reused: bool = Field(default=False, description="Whether the hits were kept from a search moments before.")


class Activity(Reply):
    """Something that happened; never a query, a title or a text."""

    id: UUID
    occurred_at: datetime
    actor: str = Field(description="user, key, agent, anonymous or system.")
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


class Bucket(Reply):
    """What agents asked in one stretch of time."""

    at: datetime = Field(description="When it begins; it lasts bucket_s.")
    calls: int = Field(description="Every call of a tool, searches among them.")
    searches: int
    failed: int = Field(description="Calls that did not end well.")


class SourceStats(Reply):
    """One source, over all searches that asked it."""

    key: str
    asked: int
    answered: int = Field(description="How often its status was ok.")
    errors: dict[SourceStatus, int] = Field(description="The other times, by status.")
    p50_ms: int = Field(description="Half of its answers took at most so long; failures count as well.")
    p95_ms: int


class AgentStats(Reply):
    """One key, grant, or all anonymous agents, at one server."""

    actor: str = Field(description="key, agent or anonymous.")
    actor_id: UUID | None
    server_id: UUID | None
    calls: int
    failed: int
    last_at: datetime


class ActivityStats(Reply):
    """What agents did at the caller's servers, and the caller's own agents at those of others."""

    since: datetime = Field(serialization_alias="from")
    until: datetime = Field(serialization_alias="to")
    bucket_s: int
    calls: int
    searches: int
    failed: int
    buckets: list[Bucket] = Field(description="Oldest first, without gaps: at most 400.")
    sources: list[SourceStats] = Field(description="Asked most often first.")
    agents: list[AgentStats] = Field(description="Busiest first: at most 20.")
