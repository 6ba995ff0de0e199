"""MCP servers and their keys on the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from schemas.answers import SearchAnswer
from schemas.fields import Message, Name, Prose, Reply
from schemas.members import Role

Access = Literal["oauth", "public"]
Milliseconds = Annotated[int, Field(ge=200, le=60_000)]
MOST_SOURCES = 100


class ServerWrite(Message):
    name: Name
    source_ids: list[UUID] = Field(max_length=MOST_SOURCES, description="Sources of yours; may be empty.")
    access: Access = Field(default="oauth", description="oauth: only with a token or key. public: anybody may search.")
    instructions: Prose | None = Field(default=None, description="What agents are told about this server.")
    deadline_ms: Milliseconds | None = Field(default=None, description="For a whole search; 10,000 unless given.")
    results: int = Field(default=20, ge=1, le=100, description="At most so many results per search.")
    rerank: bool = Field(default=False, description="Semantic re-ranking, where the operator has set it up.")


class SourceUse(Reply):
    source_id: UUID
    key: str
    name: str = Field(description="As agents and members read it; the source itself is its owner's alone.")
    type: str
    enabled: bool
    budget_ms: int | None = Field(description="For this source in one search; 4,000 unless given.")
    exposed_tools: list[str] | None = Field(description="Names of the tools agents see; null: all of them.")


class SourceUsePatch(Message):
    """Only what is given is changed."""

    enabled: bool | None = None
    budget_ms: Milliseconds | None = None
    exposed_tools: list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,44}$")]] | None = Field(
        default=None, max_length=200
    )


class Server(Reply):
    id: UUID
    name: str
    role: Role = Field(description="What you are to it.")
    owner_name: str
    domain: str = Field(description="Host, and port unless it is the default one.")
    url: str = Field(description="What to give to an agent.")
    domain_status: Literal["serving", "not_in_pool"] = Field(
        description="not_in_pool: the operator removed the domain; it answers 421."
    )
    access: Access
    source_ids: list[UUID]
    sources: list[SourceUse]
    instructions: str | None
    deadline_ms: int | None
    results: int
    rerank: bool
    created_at: datetime
    updated_at: datetime


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("Choose a moment between the years 1 and 9999") from None


class KeyWrite(Message):
    name: Name
    expires_at: Annotated[AwareDatetime, AfterValidator(_in_utc)] | None = Field(
        default=None, description="With a time zone; null: never."
    )


class KeyMaker(Reply):
    id: UUID
    name: str
    email: str


class Key(Reply):
    id: UUID
    name: str
    created_by: KeyMaker = Field(description="The owner or a manager. The key stops when they leave the server.")
    prefix: str = Field(description="The beginning of the key, to tell it from others.")
    expires_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime


class NewKey(Key):
    key: str = Field(description="Shown once. Agents send it as `Authorization: Bearer gh_...`.")


class TrySearch(Message):
    query: str = Field(max_length=1_000)


class TryFetch(Message):
    id: str = Field(max_length=2_048)


class Place(Reply):
    """Where one source had a hit."""

    key: str
    id: str
    rank: int = Field(description="1: its first.")
    points: float = Field(description="3 / (60 + rank).")
    text: Literal["found", "peeked", "none"] = Field(
        description="found: the search told its text. peeked: it was read afterwards. none: only the title is known."
    )


class MatchedWord(Reply):
    """What a word of the question added to a score."""

    word: str
    count: int = Field(description="How often the title and text have it, in any of its forms.")
    in_title: bool
    points: float = Field(
        description="More for a word that is rarer, in general and among the hits, for one in the title, and for a "
        "shorter text."
    )


class Meaning(Reply):
    """What semantic re-ranking made of a result."""

    similarity: float = Field(description="Of question and result, -1 to 1.")
    rank: int = Field(description="1: the most similar.")
    rank_by_words: int = Field(description="Its position before.")
    score: float = Field(
        description="1 / (60 + rank) + 1 / (60 + rank_by_words). Results that have one are ordered by it."
    )


class Explanation(Reply):
    """Why a result stands where it stands: its score is the sum of its text points and its rank points."""

    id: str
    score: float = Field(description="text_points + rank_points; comparable within this answer.")
    text_points: float = Field(description="The sum of the words' points.")
    rank_points: float = Field(description="The sum of the places' points.")
    words: list[MatchedWord] = Field(description="The words of the question that were found, the most telling first.")
    places: list[Place] = Field(description="More than one: the same thing in several sources, merged.")
    meaning: Meaning | None = Field(default=None, description="Only where the result was re-ranked by meaning.")


class TriedSearch(SearchAnswer):
    """What an agent would get, and why."""

    took_ms: int
    reused: list[str] = Field(
        description="Keys of the sources whose hits were kept from a search moments before: they were not asked again."
    )
    rerank: Literal["off", "not_set_up", "done", "no_time", "failed"] = Field(
        description="Semantic re-ranking. off: not switched on for this server. not_set_up: the operator has set no "
        "key. no_time, failed: the order by words stands."
    )
    explanations: list[Explanation] = Field(description="One per result, in the same order.")
