"""People: their accounts, sessions and one-time links, and what they tried too often."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Deletable, Row


class User(Deletable):
    """An account. `email_key` is the address as it is compared: trimmed, lower case."""

    __tablename__ = "users"
    __table_args__ = (
        Index(
            "uq_users_email_key_active",
            "email_key",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )

    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(255))
    is_operator: Mapped[bool] = mapped_column(default=False)


class Session(Row):
    """One sign-in. The JWT carries its id; a revoked or expired session makes the JWT worthless."""

    __tablename__ = "sessions"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    expires_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    address: Mapped[str] = mapped_column(String(64), default="")


class OneTimeLink(Row):
    """An invitation to sign up or a password reset. Only the hash of its token is kept."""

    __tablename__ = "one_time_links"

    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    """Whose password is reset; None for an invitation."""
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Attempt(Base):
    """How often somebody tried something lately: failed sign-ins of an address or a network, sign-ups of a network."""

    __tablename__ = "attempts"

    subject: Mapped[str] = mapped_column(String(100), primary_key=True)
    """`<what>:<hash of whom>`: counting needs nobody's name."""
    count: Mapped[int]
    window_ends_at: Mapped[datetime] = mapped_column(index=True)
