"""Who else may use a server, and who is asked to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Row


class Member(Base):
    """An account that may use somebody else's server. The owner is no member of their own."""

    __tablename__ = "members"

    server_id: Mapped[UUID] = mapped_column(ForeignKey("mcp_servers.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(10))
    """`reader` or `manager`."""
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]


class ServerInvitation(Row):
    """A link that makes one account, the one with this e-mail address, a member. Only its token's hash is kept."""

    __tablename__ = "server_invitations"

    server_id: Mapped[UUID] = mapped_column(ForeignKey("mcp_servers.id"), index=True)
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), index=True)
    role: Mapped[str] = mapped_column(String(10))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
