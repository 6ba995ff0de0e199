"""What an agent gets from search and fetch. The models' JSON Schemas are the tools' output schemas."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class SourceStatus(StrEnum):
    """How one source did in one call."""

    OK = "ok"
    TIMEOUT = "timeout"
    UNAUTHORIZED = "unauthorized"
    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate_limited"
    FAILED = "failed"
    PAUSED = "paused"


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Origin(_Answer):
    """Where else the same thing was found."""

    id: str = Field(description="Fetches the same text from that source.")
    source: str = Field(description="The name of the source.")
    url: str = Field(description="A page to open, or empty.")


class SearchResult(_Answer):
    id: str = Field(description="Give this to fetch.")
    title: str
    url: str = Field(description="The page to cite, or empty.")
    text: str = Field(description="A snippet of up to 300 characters.")
    source: str = Field(description="The name of the source it was found in.")
    updated_at: str | None = Field(default=None, description="When it last changed, ISO 8601 in UTC.")
    also: list[Origin] | None = Field(default=None, description="The same text in other sources.")


class SourceReport(_Answer):
    """What one source did for this search."""

    key: str
    source: str = Field(description="The name of the source.")
    type: str
    status: SourceStatus
    results: int = Field(description="How many hits it returned, before merging.")
    took_ms: int
    message: str | None = Field(default=None, description="What went wrong and what to do about it.")


class SearchAnswer(_Answer):
    results: list[SearchResult] = Field(description="Best first.")
    sources: list[SourceReport] = Field(
        description="Every source that was asked. Where one is not ok, results from it are missing."
    )


class FetchAnswer(_Answer):
    id: str
    title: str
    text: str = Field(description="The full text.")
    url: str = Field(description="The page to cite, or empty.")
    metadata: dict[str, str]
