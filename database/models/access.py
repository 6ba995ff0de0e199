"""What lets agents in."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Row


class ApiKey(Row):
    """A bearer token for one server on one assignment of its domain. Only its hash is kept."""

    __tablename__ = "api_keys"

    server_id: Mapped[UUID] = mapped_column(ForeignKey("mcp_servers.id"), index=True)
    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("domain_assignments.id"))
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(12))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
