"""Moments as databases keep them."""

from __future__ import annotations

from datetime import UTC, date, datetime


def as_moment(value: object) -> datetime | None:
    """A moment in aware UTC, from whatever a database keeps moments in; one without a zone is taken for UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None
