"""Lists, newest first."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")


class Listing(BaseModel, Generic[T]):
    items: list[T]
    next: str | None = Field(default=None, description="Give this as `cursor` for the following page; null at the end.")
