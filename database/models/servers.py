"""MCP servers, what they search, and the domain each of them holds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Deletable, Row


class McpServer(Deletable):
    """A server that a user owns."""

    __tablename__ = "mcp_servers"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    access: Mapped[str] = mapped_column(String(10))
    """`oauth` or `public`."""
    instructions: Mapped[str | None] = mapped_column(Text)
    deadline_ms: Mapped[int | None]
    results: Mapped[int]
    rerank: Mapped[bool] = mapped_column(default=False)


class ServerSource(Base):
    """A source as one server uses it."""

    __tablename__ = "server_sources"

    server_id: Mapped[UUID] = mapped_column(ForeignKey("mcp_servers.id"), primary_key=True)
    source_id: Mapped[UUID] = mapped_column(ForeignKey("sources.id"), primary_key=True, index=True)
    enabled: Mapped[bool] = mapped_column(default=True)
    budget_ms: Mapped[int | None]
    exposed_tools: Mapped[list[str] | None]
    """Names of the tools agents see; None: all of them."""


class DomainAssignment(Row):
    """One server's hold on one gateway. A gateway has at most one row that is not released: the index decides races."""

    __tablename__ = "domain_assignments"
    __table_args__ = (
        Index(
            "uq_domain_assignments_domain_held",
            "domain",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
        Index("ix_domain_assignments_domain", "domain"),
    )

    domain: Mapped[str] = mapped_column(String(260))
    """The authority: host, and port unless it is the scheme's default."""
    url: Mapped[str] = mapped_column(String(300))
    server_id: Mapped[UUID] = mapped_column(ForeignKey("mcp_servers.id"), index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    released_at: Mapped[datetime | None]


class PoolChange(Base):
    """A gateway domain that the operator added to the pool of the settings, or took out of it."""

    __tablename__ = "pool_changes"

    domain: Mapped[str] = mapped_column(String(260), primary_key=True)
    url: Mapped[str] = mapped_column(String(300))
    retired: Mapped[bool]
    changed_at: Mapped[datetime]
