"""Which server answers under a domain, and with what. Read from the database and believed for a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from database.believed import Believed
from database.engine import Database
from database.models import ServerSource, Source
from repositories.servers import Placed, Servers

DEFAULT_BUDGET: Final = timedelta(seconds=4)
DEFAULT_DEADLINE: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedSource:
    """A source as one server uses it."""

    id: UUID
    key: str
    name: str
    type: str
    config: Mapping[str, Any]
    sealed: bytes | None
    version: int
    status: str
    enabled: bool
    budget: timedelta
    exposed_tools: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedServer:
    """A server, where it is reached, and all of its sources in the order of their keys."""

    id: UUID
    owner_id: UUID
    assignment_id: UUID
    domain: str
    url: str
    name: str
    access: str
    instructions: str | None
    deadline: timedelta
    results: int
    rerank: bool = False
    sources: tuple[ServedSource, ...]

    @property
    def active_sources(self) -> tuple[ServedSource, ...]:
        """Those that are switched on."""
        return tuple(source for source in self.sources if source.enabled)


class Directory:
    """A change made by this process is seen at once (`forget`), one made by another within a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._servers = Believed(self._read)

    async def find(self, domain: str) -> ServedServer | None:
        """The server that holds this domain now."""
        return await self._servers.get(domain)

    def forget(self) -> None:
        """Servers or sources were changed: believe nothing any longer."""
        self._servers.forget()

    async def _read(self, domain: str) -> ServedServer | None:
        async with self._database.reading() as session:
            placed = await Servers(session).placed_at(domain)
        return None if placed is None else served_server(placed)


def served_server(placed: Placed) -> ServedServer:
    server, assignment = placed.server, placed.assignment
    return ServedServer(
        id=server.id,
        owner_id=server.user_id,
        assignment_id=assignment.id,
        domain=assignment.domain,
        url=assignment.url,
        name=server.name,
        access=server.access,
        instructions=server.instructions,
        deadline=_milliseconds(server.deadline_ms, DEFAULT_DEADLINE),
        results=server.results,
        rerank=server.rerank,
        sources=tuple(served_source(source, link) for link, source in placed.sources),
    )


def served_source(source: Source, link: ServerSource | None = None) -> ServedSource:
    """The source as one server uses it; without a link, as it is by itself."""
    return ServedSource(
        id=source.id,
        key=source.key,
        name=source.name,
        type=source.type,
        config=source.config,
        sealed=source.sealed,
        version=source.version,
        status=source.status,
        enabled=link is None or link.enabled,
        budget=_milliseconds(link.budget_ms if link else None, DEFAULT_BUDGET),
        exposed_tools=frozenset(link.exposed_tools) if link and link.exposed_tools is not None else None,
    )


def _milliseconds(value: int | None, default: timedelta) -> timedelta:
    return default if value is None else timedelta(milliseconds=value)
