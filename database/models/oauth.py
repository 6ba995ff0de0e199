"""Agents that people let in by OAuth: the clients, what was granted to them, and the tokens they hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Row


class OAuthClient(Row):
    """A program that asks for access: registered by itself (RFC 7591), or known by the document at its id."""

    __tablename__ = "oauth_clients"

    client_id: Mapped[str] = mapped_column(String(500), unique=True)
    """Random for a registration, else the https address of the client's document."""
    kind: Mapped[str] = mapped_column(String(10))
    """`registered` or `document`."""
    name: Mapped[str] = mapped_column(String(200))
    redirect_uris: Mapped[list[str]]
    auth_method: Mapped[str] = mapped_column(String(30))
    """How it proves itself at the token endpoint: none, client_secret_basic or client_secret_post."""
    secret_hash: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[dict[str, Any]]
    """The rest of what it said about itself: shown, never trusted."""
    read_at: Mapped[datetime | None]
    """When its document was read, or our copy of it made; None for a registration."""
    fresh_until: Mapped[datetime | None]
    """When its document must be read again; None for a registration, and where we keep a copy."""
    used_at: Mapped[datetime | None]
    """When somebody last allowed it in; clients that nobody ever did are swept away."""


class Grant(Row):
    """One person's word that one client may use one server, on one assignment of its domain. Tokens hang on it."""

    __tablename__ = "grants"
    __table_args__ = (Index("ix_grants_server_id_user_id", "server_id", "user_id"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    server_id: Mapped[UUID] = mapped_column(ForeignKey("mcp_servers.id"))
    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("domain_assignments.id"))
    client_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_clients.id"), index=True)
    scopes: Mapped[list[str]]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuthorizationCode(Row):
    """Exchanged once, within a minute. Only its hash is kept."""

    __tablename__ = "authorization_codes"

    grant_id: Mapped[UUID] = mapped_column(ForeignKey("grants.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    redirect_uri: Mapped[str] = mapped_column(String(2_000))
    redirect_uri_given: Mapped[bool]
    """Whether the request named it: then the exchange must name it too."""
    challenge: Mapped[str] = mapped_column(String(128))
    scopes: Mapped[list[str]]
    resource: Mapped[str] = mapped_column(String(300))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class OAuthToken(Row):
    """An access or a refresh token. Only its hash is kept."""

    __tablename__ = "oauth_tokens"

    grant_id: Mapped[UUID] = mapped_column(ForeignKey("grants.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    """`access` or `refresh`."""
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    """When a refresh token was exchanged for its successor."""
    revoked_at: Mapped[datetime | None]


class Issuer(Base):
    """The name under which agents know the authorization server: one row. They keep what they hold under this name, so
    it changes only when the operator says so."""

    __tablename__ = "oauth_issuer"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Always 1."""
    url: Mapped[str] = mapped_column(String(300))
    adopted_at: Mapped[datetime]
