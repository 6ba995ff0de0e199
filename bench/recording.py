"""The very lists that sources returned, kept beside what the gateway made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from handlers.base import Document, Handler, Hit, Lent, Peeks, SearchQuery, Source, SourceConfig
from handlers.registry import Registry


class Recorder:
    """Lists of native ids by kind of source, of the searches since the last `take`."""

    def __init__(self) -> None:
        self._lists: dict[str, Sequence[str]] = {}

    def registry(self, handlers: Registry) -> Registry:
        """The same kinds of sources, listened to."""
        return Registry([replace(handler, connect=self._connect(handler)) for handler in handlers])

    def take(self) -> Mapping[str, Sequence[str]]:
        lists, self._lists = self._lists, {}
        return lists

    def note(self, kind: str, hits: Sequence[Hit]) -> None:
        self._lists[kind] = [hit.id for hit in hits]

    def _connect(self, handler: Handler[Any]) -> Callable[[SourceConfig, Lent], Source]:
        def connect(config: SourceConfig, lent: Lent) -> Source:
            source = handler.connect(config, lent)
            kind = _PeekingSource if isinstance(source, Peeks) else _Source
            return kind(source, handler.key, self)

        return connect


class _Source:
    def __init__(self, source: Any, kind: str, recorder: Recorder) -> None:
        self._source = source
        self._kind = kind
        self._recorder = recorder

    async def check(self) -> str:
        name: str = await self._source.check()
        return name

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        hits: Sequence[Hit] = await self._source.search(query)
        self._recorder.note(self._kind, hits)
        return hits

    async def fetch(self, id: str) -> Document:
        document: Document = await self._source.fetch(id)
        return document

    async def aclose(self) -> None:
        await self._source.aclose()


class _PeekingSource(_Source):
    async def texts(self, ids: Sequence[str]) -> Mapping[str, str]:
        texts: Mapping[str, str] = await self._source.texts(ids)
        return texts
