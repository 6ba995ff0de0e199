"""A kind of source for the scenarios of the conformance runner, and a server over such sources.

The runner asks for tools and resources by fixed names (`test_simple_text`, `test://static-text`). Names begin with the
key of a source here, so the sources get keys that make these names: everything else is the product as it is served.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import update

from database.models import Source
from errors import NotFound, SourceUnavailable
from handlers.base import (
    Bulkhead,
    Document,
    Handler,
    Hints,
    Hit,
    Lent,
    Resource,
    ResourcePage,
    SearchQuery,
    SourceConfig,
    Tool,
)
from handlers.registry import Registry
from tests.stand import Person, Stand

Part = Literal["tools", "text", "template"]

KEYS: Final[dict[Part, str]] = {"tools": "test", "text": "static-text", "template": "template"}
"""What each source is called, so that its names are the scenarios'."""


class FixtureConfig(SourceConfig):
    part: Part = Field(title="Part", description="Which of the scenarios' things it has.")


class FixtureSource:
    """Has no documents, and the resource of its part."""

    def __init__(self, part: Part) -> None:
        self._part = part

    async def check(self) -> str:
        return "an account"

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        return ()

    async def fetch(self, id: str) -> Document:
        raise NotFound("No such thing.")

    async def resources(self) -> Sequence[Resource]:
        if self._part == "text":
            return [Resource(path="", title="Static text", description="Always the same.")]
        return ()

    async def read(self, path: str, cursor: str | None) -> ResourcePage:
        match self._part, path.split("/"):
            case "text", [""]:
                return ResourcePage(text='"This is the content of the static text resource."')
            case "template", [id, "data"]:
                return ResourcePage(text=f'{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}')
        raise NotFound("No such thing.")

    async def aclose(self) -> None:
        pass


class Nothing(BaseModel):
    """A tool's arguments, none."""

    model_config = ConfigDict(extra="forbid")


class Said(BaseModel):
    said: str


async def _simple_text(_source: FixtureSource, _arguments: Nothing) -> Said:
    return Said(said="This is a simple text response for testing.")


async def _error_handling(_source: FixtureSource, _arguments: Nothing) -> Said:
    raise SourceUnavailable("This tool intentionally returns an error for testing")


def _tool(name: str, run: Callable[[FixtureSource, Nothing], Awaitable[Said]]) -> Tool[FixtureSource, Nothing]:
    return Tool(
        name=name,
        title=name,
        description="For the scenario of this name.",
        arguments=Nothing,
        answer=Said,
        hints=Hints(read_only=True),
        run=run,
    )


_TOOLS: Final = (
    _tool("simple_text", _simple_text),
    _tool("error_handling", _error_handling),
    # Asked for what must not come with the answer: log messages that no one wanted, and requests of the server's own.
    _tool("logging_tool", _simple_text),
    _tool("streaming_elicitation", _simple_text),
)


def _connect(config: FixtureConfig, _lent: Lent) -> FixtureSource:
    return FixtureSource(config.part)


HANDLER: Final = Handler(
    key="fixture",
    slug="fixture",
    title="Fixture",
    description="What the conformance scenarios ask for.",
    config=FixtureConfig,
    connect=_connect,
    bulkhead=lambda config: Bulkhead(key=config.part, size=100),
    tools=lambda config: _TOOLS if config.part == "tools" else (),
    scheme="test",
)

REGISTRY: Final = Registry([HANDLER])


async def connect_fixtures(house: Stand, person: Person) -> Sequence[dict[str, Any]]:
    """Sources of this person, one of each part, saved under the keys of `KEYS`."""
    return [await _connected(house, person, part) for part in KEYS]


async def _connected(house: Stand, person: Person, part: Part) -> dict[str, Any]:
    body = {"name": part, "type": HANDLER.key, "config": {"part": part}}
    reply = await person.http.post("/api/v1/sources", json=body)
    reply.raise_for_status()
    saved: dict[str, Any] = reply.json()
    async with house.gatehouse.database.writing() as session:
        await session.execute(update(Source).where(Source.id == UUID(saved["id"])).values(key=KEYS[part]))
    return saved
