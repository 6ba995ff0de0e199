"""Who else may use a server, and who is asked to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Row
from schemas.members import MemberRole


class Member(Base):
    """An account that may use somebody else's server. The owner is no member of their own."""

    __tablename__ = "members"

    server_id: Mapped[UUID] = mapped_column(ForeignKey("mcp_servers.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    role: Mapped[MemberRole] = mapped_column(String(10))
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]


class ServerInvitation(Row):
    """A link that makes one account, the one with this e-mail address, a member. Only its token's hash is kept, and the
    row only while it can be accepted: one that was used, replaced or revoked is deleted, and the address with it."""

    __tablename__ = "server_invitations"
    __table_args__ = (UniqueConstraint("server_id", "email_key"),)

    server_id: Mapped[UUID] = mapped_column(ForeignKey("mcp_servers.id"))
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), index=True)
    role: Mapped[MemberRole] = mapped_column(String(10))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    expires_at: Mapped[datetime]
