"""The contract between a kind of source and everything else.

A handler's author writes a config model, a source class and one `Handler`. From the config model follow the API's
union and its OpenAPI, the fields that are sealed at rest, redaction, the settings page and the contract tests.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar, Union, cast, get_args, get_origin, runtime_checkable

from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.fields import FieldInfo

from services.egress import Egress
from services.text import Extracted


class SourceConfig(BaseModel):
    """Settings of one source. Every field has a title and a description; secrets are typed `SecretStr`."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)


class _KeepsSecrets:
    """See `KEEPS_SECRETS`."""


KEEPS_SECRETS: Final = _KeepsSecrets()
"""Annotates a setting that decides neither where nor as whom we connect, so that changing it keeps the stored secrets.

Any other changed setting makes the API ask for the secrets again: otherwise whoever may edit a source could send its
stored password to a host of their own. `title_column: Annotated[str, KEEPS_SECRETS]`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What an agent asked, and how deep to look."""

    text: str
    """The words as they were typed, 1 to 1,000 characters; never syntax of any vendor."""
    limit: int
    """At most so many hits, 1 to 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One search result. `id` is the source's own id; the gateway puts the source's key before it."""

    id: str
    title: str
    url: str = ""
    """An absolute page that the reader can open, or ""."""
    text: str | None = None
    """Whatever the source gave cheaply, a snippet or all of it; ranking reads it, the gateway cuts it."""
    updated_at: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What fetch returns: the whole readable text and what is known about it."""

    id: str
    title: str
    url: str = ""
    text: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """One connected account, ready to answer. Its methods raise the `SourceError`s of errors.py."""

    async def check(self) -> str:
        """The connected account's name, or a SourceError that says what is wrong and how to mend it."""
        ...

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        """At most `query.limit` hits, best first."""
        ...

    async def fetch(self, id: str) -> Document:
        """The document with this native id. Raises NotFound."""
        ...

    async def aclose(self) -> None:
        """Give back everything that is held open. Called once, after which nothing else is."""
        ...


@runtime_checkable
class Peeks(Protocol):
    """A source that can tell the text of hits more cheaply than by fetching them."""

    async def texts(self, ids: Sequence[str]) -> Mapping[str, str]:
        """The texts of these native ids, or their beginnings; an id that has none is left out. What was read before
        something went wrong is returned, and the SourceError raised only where that is nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something of a source that an agent may read by its address: `<handler's scheme>://<source key>/<path>`."""

    path: str
    """`customers`, or `customers/42`: letters, digits, `_`, `-` and `/`."""
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePage:
    """One page of a resource, as JSON text."""

    text: str
    next: str | None = None
    """The cursor of the following page, opaque to everyone else; None at the end."""


@runtime_checkable
class Browsable(Protocol):
    """A source that has resources, each of which can be read page by page."""

    async def resources(self) -> Sequence[Resource]:
        """What can be read, in a stable order."""
        ...

    async def read(self, path: str, cursor: str | None) -> ResourcePage:
        """One page. Raises NotFound for an unknown path and Invalid for a cursor that is not ours."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a tool does to the world, as the MCP tool annotations name it."""

    read_only: bool
    destructive: bool = False
    idempotent: bool = False


SourceT = TypeVar("SourceT", bound=Source)
ArgumentsT = TypeVar("ArgumentsT", bound=BaseModel)
ConfigT = TypeVar("ConfigT", bound=SourceConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[SourceT, ArgumentsT]):
    """One more thing a source can do, beside search and fetch."""

    name: str
    """Letters, digits and _; agents see it as `<source key>_<name>`, at most 64 characters in all."""
    title: str
    description: str
    arguments: type[ArgumentsT]
    answer: type[BaseModel]
    hints: Hints
    run: Callable[[SourceT, ArgumentsT], Awaitable[BaseModel]]
    """Given valid arguments. Raises NotFound, Invalid, Conflict or a SourceError; the agent reads its words."""
    deadline: timedelta | None = None
    """For a tool that may take longer than the 20 s that others have, up to 2 minutes. Clients may give up earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulkhead:
    """Whom a source shares a vendor's limit with, and how many requests may be under way at once."""

    key: str
    size: int


class Clock(Protocol):
    """The time, as aware UTC."""

    def __call__(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRules:
    """Which databases a user may name beside those that the egress rules let through, as the operator set it."""

    allowed: tuple[str, ...] = ()
    """SQLAlchemy URLs without credentials (`postgresql://crm.internal:5432/crm`); one without a path allows every
    database of that server. What is allowed here is reached wherever it is."""
    closed_ports: frozenset[int] = frozenset()
    """Those that we listen on: closed to every database that is not listed."""
    sqlite_folder: Path | None = None
    """SQLite files are opened below this folder only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where the vendors answer; an operator's setting, never a user's. Origins without a trailing slash."""

    entra: str = "https://login.microsoftonline.com"
    graph: str = "https://graph.microsoft.com"
    box: str = "https://api.box.com"
    snowflake: str | None = None
    """Instead of every account URL that users give; None in earnest."""


class TextExtraction(Protocol):
    """Turns files into readable text, in other processes and within limits."""

    async def extract(self, data: bytes, *, name: str, content_type: str) -> Extracted:
        """Never raises for what the file holds: a broken or locked file gives a text that says so."""
        ...


class NoExtraction:
    """Reads nothing: for checks, and for tests of other things."""

    async def extract(self, data: bytes, *, name: str, content_type: str) -> Extracted:
        return Extracted(text=f"[{name}: not read]", complete=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """What a source is lent, and never opens by itself."""

    clock: Clock
    folder: Path
    """A folder of this source alone, there before `connect`, deleted with the source. Empty while a source is only
    being checked."""
    databases: DatabaseRules
    egress: Egress = field(default_factory=Egress)
    """Every outgoing connection goes through it."""
    text: TextExtraction = field(default_factory=NoExtraction)
    endpoints: Endpoints = field(default_factory=Endpoints)
    instances: int = 1
    """Processes that share a vendor's limits with this one."""


def _no_tools(_config: SourceConfig) -> Sequence[Tool[Any, Any]]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler(Generic[ConfigT]):
    """A kind of source: its name, its settings, and how to connect it."""

    key: str
    """The name in the API: `customer_db`."""
    slug: str
    """`[a-z]{2,12}`, the beginning of every source key of this kind: `customers`."""
    title: str
    description: str
    config: type[ConfigT]
    connect: Callable[[ConfigT, Lent], Source]
    """Builds the source without talking to anyone: the first call connects."""
    bulkhead: Callable[[ConfigT], Bulkhead]
    tools: Callable[[ConfigT], Sequence[Tool[Any, Any]]] = _no_tools
    """What a source of this config offers; the same list for the same config."""
    icon: str = "plug"
    """How it looks on pages: one of the names in web/icons.py."""
    scheme: str | None = None
    """The URI scheme of its resources (`db`), where its sources are `Browsable`."""

    def secret_fields(self) -> frozenset[str]:
        """Names of the fields that are sealed at rest and never returned."""
        return secret_fields(self.config)

    def binding_fields(self) -> frozenset[str]:
        """Names of the fields whose change makes the stored secrets void; see `KEEPS_SECRETS`."""
        return frozenset(
            name
            for name, info in self.config.model_fields.items()
            if name not in self.secret_fields() and not _keeps_secrets(info)
        )


def secret_fields(config: type[SourceConfig]) -> frozenset[str]:
    """Names of the settings that may hold a SecretStr."""
    return frozenset(name for name, info in config.model_fields.items() if _holds_secret(info.annotation))


def _holds_secret(annotation: object) -> bool:
    """Whether a field of this annotation may hold a SecretStr, also as `SecretStr | None` or inside a container."""
    if annotation is SecretStr:
        return True
    if get_origin(annotation) in (Union, types.UnionType) or get_args(annotation):
        return any(_holds_secret(part) for part in cast("tuple[object, ...]", get_args(annotation)))
    return False


def _keeps_secrets(info: FieldInfo) -> bool:
    return any(isinstance(mark, _KeepsSecrets) for mark in info.metadata)
