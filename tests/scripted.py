"""A kind of source whose every move a test decides, and a stand with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr

from errors import NotFound
from handlers.base import Bulkhead, Document, Handler, Hit, Lent, SearchQuery, SourceConfig, Tool
from handlers.registry import Registry, discover
from tests.stand import Person, Stand, settings_for, stand

Searching = Callable[[SearchQuery], Awaitable[Sequence[Hit]]]
Fetching = Callable[[str], Awaitable[Document]]
Peeking = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]


@dataclass
class Script:
    """What one source does, and what happened to it."""

    hits: Sequence[Hit] = ()
    searching: Searching | None = None
    """Instead of giving the hits."""
    fetching: Fetching | None = None
    """Instead of giving a document for each hit."""
    peeking: Peeking | None = None
    """Tells the texts of hits; without it the source is none that can."""
    tools: Sequence[Tool[Any, Any]] = ()
    bulkhead: Bulkhead | None = None
    queries: list[str] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    folders: list[Path] = field(default_factory=list)


class ScriptedConfig(SourceConfig):
    script: str = Field(title="Script", description="Which script of the stage it plays.")
    password: SecretStr | None = Field(default=None, title="Password", description="Opens nothing.")


class ScriptedSource:
    def __init__(self, script: Script) -> None:
        self._script = script
        script.opened += 1

    async def check(self) -> str:
        return "an account"

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        self._script.queries.append(query.text)
        return self._script.hits if self._script.searching is None else await self._script.searching(query)

    async def fetch(self, id: str) -> Document:
        if self._script.fetching is not None:
            return await self._script.fetching(id)
        hit = next((hit for hit in self._script.hits if hit.id == id), None)
        if hit is None:
            raise NotFound("No such thing.")
        return Document(id=hit.id, title=hit.title, url=hit.url, text=hit.text or "")

    async def aclose(self) -> None:
        self._script.closed += 1


class PeekingSource(ScriptedSource):
    def __init__(self, script: Script, peeking: Peeking) -> None:
        super().__init__(script)
        self._peeking = peeking

    async def texts(self, ids: Sequence[str]) -> Mapping[str, str]:
        return await self._peeking(ids)


@dataclass
class Stage:
    """Scripts by name. Its registry holds the product's handlers and the scripted one."""

    scripts: dict[str, Script] = field(default_factory=dict)

    def handler(self) -> Handler[ScriptedConfig]:
        def connect(config: ScriptedConfig, lent: Lent) -> ScriptedSource:
            script = self.scripts[config.script]
            script.folders.append(lent.folder)
            return PeekingSource(script, script.peeking) if script.peeking else ScriptedSource(script)

        return Handler(
            key="scripted",
            slug="script",
            title="Scripted",
            description="Does what the test says.",
            config=ScriptedConfig,
            connect=connect,
            bulkhead=lambda config: self.scripts[config.script].bulkhead or Bulkhead(key=config.script, size=100),
            tools=lambda config: self.scripts[config.script].tools,
        )

    def registry(self) -> Registry:
        return Registry([*discover(), self.handler()])

    async def source(self, house: Stand, person: Person, name: str, script: Script) -> dict[str, Any]:
        """A saved source of this person that plays the script."""
        self.scripts[name] = script
        body = {"name": name, "type": "scripted", "config": {"script": name}}
        reply = await person.http.post("/api/v1/sources", json=body)
        reply.raise_for_status()
        saved: dict[str, Any] = reply.json()
        return saved


@dataclass
class Theatre:
    """A running Gatehouse with a stage."""

    house: Stand
    stage: Stage

    async def server(
        self, person: Person, scripts: dict[str, Script], **more: Any
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """An MCP server over one source per script, and the sources by name."""
        sources = {name: await self.stage.source(self.house, person, name, script) for name, script in scripts.items()}
        return await self.house.server(person, list(sources.values()), **more), sources


@asynccontextmanager
async def theatre(url: str, folder: Path, **settings: Any) -> AsyncIterator[Theatre]:
    stage = Stage()
    async with stand(settings_for(url, folder, **settings), stage.registry()) as house:
        yield Theatre(house, stage)


def hit(id: str, title: str | None = None, **more: Any) -> Hit:
    return Hit(id=id, title=title or f"Title {id}", **more)
