"""Live sources: connected on first use, shared by everyone who may use them, closed when changed or idle."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog
from pydantic import SecretStr, ValidationError

from database.sealing import CannotOpen, Sealer
from errors import NotFound, SourceUnavailable
from federation.directory import ServedSource
from handlers.base import Bulkhead, Handler, Lent, Source, SourceConfig, Tool
from handlers.registry import Registry

SEALED_TABLE: Final = "sources"
"""The table's name that a source's secrets are sealed for."""

_IDLE_S: Final = 600.0

log = structlog.get_logger()


@dataclass(slots=True)
class _Live:
    """The settings of one source, read, and its connection once there has been a call."""

    source_id: UUID
    handler: Handler[Any]
    config: SourceConfig
    lent: Lent
    tools: Sequence[Tool[Any, Any]]
    bulkhead: Bulkhead
    source: Source | None = None
    users: int = 0
    used_at: float = 0.0
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class Connected:
    """A source that is safe to call while `Connections.use` is open."""

    source: Source
    handler: Handler[Any]
    tools: Sequence[Tool[Any, Any]]
    bulkhead: Bulkhead


class Connections:
    """One live source per saved source and version of its settings."""

    def __init__(self, registry: Registry, sealer: Sealer, lend: Callable[[Path], Lent], folder: Path) -> None:
        self._registry = registry
        self._sealer = sealer
        self._lend = lend
        self._folder = folder
        self._live: dict[tuple[UUID, int], _Live] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._when_retired: list[Callable[[UUID], None]] = []

    def when_retired(self, tell: Callable[[UUID], None]) -> None:
        """From now on `tell` gets the id of each source whose connection is given up: changed, removed or idle."""
        self._when_retired.append(tell)

    @asynccontextmanager
    async def use(self, served: ServedSource) -> AsyncIterator[Connected]:
        """The connected source; it stays open until the block ends, whatever is changed meanwhile.

        Raises SourceUnavailable when its settings cannot be read any longer.
        """
        live = self._known(served)
        live.users += 1
        try:
            source = live.source or await self._connect(live)
            yield Connected(source, live.handler, live.tools, live.bulkhead)
        finally:
            live.users -= 1
            live.used_at = time.monotonic()
            if live.outdated:
                self._close_if_unused(live)

    def tools(self, served: ServedSource) -> Sequence[Tool[Any, Any]]:
        """What the source offers beside search and fetch. Raises SourceUnavailable as `use` does."""
        return self._known(served).tools

    def handler(self, served: ServedSource) -> Handler[Any]:
        """The kind of source it is. Raises SourceUnavailable where that kind is no longer installed."""
        try:
            return self._registry.get(served.type)
        except NotFound as error:
            raise SourceUnavailable("This kind of source is not installed here any longer.") from error

    @asynccontextmanager
    async def trying(self, handler: Handler[Any], config: SourceConfig) -> AsyncIterator[Source]:
        """A source with settings that are not saved, closed at the end of the block."""
        with tempfile.TemporaryDirectory(prefix="gatehouse-check-") as folder:
            source = handler.connect(config, self._lend(Path(folder)))
            try:
                yield source
            finally:
                await source.aclose()

    def changed(self, source_id: UUID) -> None:
        """Settings were changed: the next call connects anew."""
        for live in [live for live in self._live.values() if live.source_id == source_id]:
            self._retire(live)
        self._tell_retired(source_id)

    async def removed(self, source_id: UUID) -> None:
        """The source was deleted: close it and delete what it kept."""
        self.changed(source_id)
        await asyncio.to_thread(shutil.rmtree, self._folder / str(source_id), ignore_errors=True)

    def close_idle(self) -> None:
        """Closes what nobody has used for ten minutes. Called every few seconds."""
        before = time.monotonic() - _IDLE_S
        for live in [live for live in self._live.values() if live.users == 0 and live.used_at < before]:
            self._retire(live)
            self._tell_retired(live.source_id)

    async def aclose(self) -> None:
        for live in list(self._live.values()):
            self._retire(live)
        if self._closing:
            await asyncio.wait(self._closing, timeout=5)

    def _known(self, served: ServedSource) -> _Live:
        live = self._live.get((served.id, served.version))
        if live is None:
            live = self._read(served)
            if any(other.source_id == served.id for other in self._live.values()):
                self.changed(served.id)  # by another process
            self._live[served.id, served.version] = live
        return live

    def _read(self, served: ServedSource) -> _Live:
        handler = self.handler(served)
        config = self._config(handler, served)
        lent = self._lend(self._folder / str(served.id))
        return _Live(
            source_id=served.id,
            handler=handler,
            config=config,
            lent=lent,
            tools=tuple(handler.tools(config)),
            bulkhead=_our_share(handler.bulkhead(config), lent.instances),
            used_at=time.monotonic(),
        )

    async def _connect(self, live: _Live) -> Source:
        await asyncio.to_thread(live.lent.folder.mkdir, parents=True, exist_ok=True)
        if live.source is None:  # else another call was faster
            live.source = live.handler.connect(live.config, live.lent)
        return live.source

    def _config(self, handler: Handler[Any], served: ServedSource) -> SourceConfig:
        try:
            config: SourceConfig = handler.config.model_validate(
                {**served.config, **open_secrets(self._sealer, served.id, served.sealed)}
            )
        except (CannotOpen, ValidationError) as error:
            log.error(  # noqa: TRY400 - the traceback of a validation error quotes what it was given
                "source.unreadable", source=str(served.id), reason=type(error).__name__
            )
            raise SourceUnavailable(
                "The settings of this source cannot be read any longer. Enter them again under Sources."
            ) from None
        return config

    def _retire(self, live: _Live) -> None:
        self._live = {key: other for key, other in self._live.items() if other is not live}
        live.outdated = True
        self._close_if_unused(live)

    def _tell_retired(self, source_id: UUID) -> None:
        for tell in self._when_retired:
            tell(source_id)

    def _close_if_unused(self, live: _Live) -> None:
        if live.users == 0 and live.source is not None:
            task = asyncio.create_task(live.source.aclose(), name=f"close {live.source_id}")
            self._closing.add(task)
            task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("source.not_closed", task=task.get_name(), exc_info=error)


def _our_share(bulkhead: Bulkhead, instances: int) -> Bulkhead:
    """What this process may use of a limit that all instances share; never nothing."""
    return replace(bulkhead, size=max(1, bulkhead.size // instances))


def open_secrets(sealer: Sealer, source_id: UUID, sealed: bytes | None) -> dict[str, SecretStr]:
    """The secret settings of a source. Raises CannotOpen."""
    if sealed is None:
        return {}
    return {name: SecretStr(value) for name, value in sealer.open(SEALED_TABLE, source_id, sealed).items()}
