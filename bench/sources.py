"""The kinds of sources that the benches connect: one that has its hits in the process, one that asks over HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import httpx2
from pydantic import Field

from bench.hits import hits_of, read
from errors import NotFound, SourceUnavailable
from handlers.base import Bulkhead, Document, Handler, Hit, Lent, SearchQuery, SourceConfig
from handlers.registry import Registry, discover
from services.egress.policy import HostPolicy

_PLENTY: Final = 1_000
"""At most so many requests at a time to one source: the bulkhead is no part of what is measured."""


class ConstantConfig(SourceConfig):
    name: str = Field(title="Name", description="Decides what its hits say.")
    hits: int = Field(title="Hits", description="How many it finds, whatever is asked.")


class ConstantSource:
    """Finds the same whatever is asked, at once."""

    def __init__(self, config: ConstantConfig) -> None:
        self._hits = hits_of(config.name, config.hits)

    async def check(self) -> str:
        return "constant"

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        return self._hits

    async def fetch(self, id: str) -> Document:
        return _document(self._hits, id)

    async def aclose(self) -> None:
        """Holds nothing."""


class UpstreamConfig(SourceConfig):
    url: str = Field(title="Address", description="Where it asks; see bench/upstream.py.")


class UpstreamSource:
    """Asks an upstream on loopback."""

    def __init__(self, config: UpstreamConfig, lent: Lent) -> None:
        self._url = httpx2.URL(config.url)
        self._http = lent.egress.client(HostPolicy(origins=(config.url,)))

    async def check(self) -> str:
        return "upstream"

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        try:
            reply = await self._http.get(self._url.copy_merge_params({"q": query.text}))
        except httpx2.TransportError as error:
            raise SourceUnavailable("The upstream did not answer.") from error
        if reply.is_error:
            raise SourceUnavailable("The upstream failed.")
        return [read(sent) for sent in json.loads(reply.content)]

    async def fetch(self, id: str) -> Document:
        return _document(await self.search(SearchQuery(text=id, limit=100)), id)

    async def aclose(self) -> None:
        await self._http.aclose()


CONSTANT: Final = Handler(
    key="constant",
    slug="constant",
    title="Constant",
    description="Finds the same whatever is asked.",
    config=ConstantConfig,
    connect=lambda config, _lent: ConstantSource(config),
    bulkhead=lambda config: Bulkhead(key=config.name, size=_PLENTY),
)
UPSTREAM: Final = Handler(
    key="upstream",
    slug="upstream",
    title="Upstream",
    description="Asks a server on loopback.",
    config=UpstreamConfig,
    connect=UpstreamSource,
    bulkhead=lambda config: Bulkhead(key=config.url, size=_PLENTY),
)


def registry() -> Registry:
    """The product's kinds of sources and these two."""
    return Registry([*discover(), CONSTANT, UPSTREAM])


def _document(hits: Sequence[Hit], id: str) -> Document:
    hit = next((hit for hit in hits if hit.id == id), None)
    if hit is None:
        raise NotFound("No such thing.")
    return Document(id=hit.id, title=hit.title, url=hit.url, text=hit.text or "")
