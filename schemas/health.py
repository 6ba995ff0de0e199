"""How the installation does."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.fields import Reply


class Checks(Reply):
    status: Literal["ok", "unavailable"]
    uptime_s: int
    version: str
    handlers: dict[str, int] = Field(description="How many sources there are of each kind.")
    database: Literal["ok", "unavailable"]
