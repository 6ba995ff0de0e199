"""Sources on the wire. What a source's `config` looks like depends on its type: the API builds that union from the
registered handlers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from schemas.fields import Reply

Status = Literal["unchecked", "ok", "slow", "reconnect", "paused", "unavailable"]


class Source(Reply):
    id: UUID
    key: str = Field(description="The beginning of every id and tool name of this source.", examples=["customers-9d2f"])
    name: str
    type: str
    config: dict[str, Any] = Field(description="The settings without the secret ones.")
    secrets: list[str] = Field(description="Names of the secret settings that are stored.")
    status: Status
    message: str | None = Field(default=None, description="What is wrong and how to mend it, if something is.")
    checked_at: datetime | None
    created_at: datetime
    updated_at: datetime


class SourceType(Reply):
    type: str
    title: str
    description: str
    config_schema: dict[str, Any] = Field(description="JSON Schema of `config`.")
    secrets: list[str] = Field(description="Names of the settings that are never returned.")


class CheckResult(Reply):
    ok: bool
    account: str | None = Field(default=None, description="Who we are there, as the other side calls it.")
    took_ms: int
    code: str | None = Field(default=None, description="What kind of problem, for programs.")
    message: str | None = Field(default=None, description="What is wrong and how to mend it.")
