"""Connected accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Deletable


class Source(Deletable):
    """One connected account of a user. Secrets are in `sealed` alone, bound to this row's id."""

    __tablename__ = "sources"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(31))
    config: Mapped[dict[str, Any]]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column(default=1)
    """Rises with every change of config or secrets; part of every cache key."""
    status: Mapped[str] = mapped_column(String(20), default="unchecked")
    status_message: Mapped[str | None] = mapped_column(String(500))
    checked_at: Mapped[datetime | None]
