"""The audit trail."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base


class AuditEvent(Base):
    """Something that happened. Each writer keeps one hash chain per day; see auth/audit.py for what is hashed."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_user_id_occurred_at", "user_id", "occurred_at"),
        Index("uq_audit_events_chain", "writer", "day", "position", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime]
    user_id: Mapped[UUID | None]
    """Whose trail it is in: the owner of what it happened to. No foreign key: the trail outlives accounts."""
    actor: Mapped[str] = mapped_column(String(20))
    """user, key, agent, operator or system."""
    actor_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(String(40))
    server_id: Mapped[UUID | None]
    target: Mapped[str | None] = mapped_column(String(80))
    """The key, tool or id it happened to."""
    outcome: Mapped[str] = mapped_column(String(20))
    took_ms: Mapped[int | None]
    results: Mapped[int | None]
    sources: Mapped[list[dict[str, Any]] | None]
    """Per source: key, status, results, took_ms. Never content."""

    address: Mapped[str | None] = mapped_column(String(64))
    agent: Mapped[str | None] = mapped_column(String(120))
    """The client as it called itself. Personal, like the address: a purge empties both."""
    salt: Mapped[str] = mapped_column(String(32))
    commitment: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the salt and the personal fields; the chain holds this instead of them."""

    writer: Mapped[str] = mapped_column(String(32))
    day: Mapped[date]
    position: Mapped[int]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
