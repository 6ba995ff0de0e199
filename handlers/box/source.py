"""One connected Box account."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from errors import NotFound, SourceError
from handlers.base import Document, Hit, SearchQuery
from handlers.box.reading import REPRESENTATIONS, Reader, awaited, decoded
from handlers.box.showing import shown_document, shown_hit
from handlers.box.words import plain_words
from services.box.client import Box, Content
from services.box.refusals import NO_SUCH_FILE
from services.box.values import EVERYTHING, File

MOST_PEEKS: Final = 10
"""Ids per call: two requests each, of the account's 1,000 a minute; up to five where Box has no text ready."""
_PEEKS_AT_ONCE: Final = 5
_MOST_PEEK_BYTES: Final = 20_000
_PEEK_PATIENCE: Final = timedelta(milliseconds=400)
"""For a text that Box has yet to make: it is asked for up to three times."""
_PEEK_POLL: Final = timedelta(milliseconds=100)
_MOST_PAGES: Final = 2


class BoxSource:
    """Searches and reads what the account sees; with `folder`, only what lies in that folder."""

    def __init__(self, box: Box, reader: Reader, *, folder: str | None) -> None:
        self._box = box
        self._reader = reader
        self._folder = folder

    async def check(self) -> str:
        """Signs in, and opens the folder that the source is kept to, or the root."""
        me = await self._box.me()
        await self._box.folder(self._folder or EVERYTHING)
        name = " ".join(me.name.split())[:150] or f"User {me.id}"
        return f"{name} ({me.login[:120]})" if me.login else name

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        """Without texts: Box's search tells none."""
        words = plain_words(query.text)
        if not words:
            return ()
        found: dict[str, File] = {}
        for offset in range(0, _MOST_PAGES * query.limit, query.limit):
            page = await self._box.search(words, limit=query.limit, offset=offset, folder=self._folder)
            for file in page.entries:
                if self._is_ours(file):
                    found.setdefault(file.id, file)
            # A page may hold fewer than asked for, though there are more (Box docs, "Pagination").
            if len(found) >= query.limit or page.total_count <= offset + query.limit:
                break
        return [shown_hit(file) for file in list(found.values())[: query.limit]]

    async def fetch(self, id: str) -> Document:
        file = await self._file(id, REPRESENTATIONS)
        return shown_document(file, await self._reader.read(file))

    async def texts(self, ids: Sequence[str]) -> Mapping[str, str]:
        """The beginnings of the texts that Box has ready, or makes at once, of the first `MOST_PEEKS` ids; the others
        are left out.

        A text that takes Box longer may be there the next time. Once Box refuses or fails,
        nothing more is asked, and what was read by then is returned; if that is nothing, the SourceError is raised.
        """
        seen: dict[str, str] = {}
        failures: list[SourceError] = []
        turns = asyncio.Semaphore(_PEEKS_AT_ONCE)

        async def look(id: str) -> None:
            async with turns:
                try:
                    text = None if failures else await self._peek(id)
                except NotFound:
                    text = None
                except SourceError as error:
                    text = None
                    failures.append(error)
            if text:
                seen[id] = text

        await asyncio.gather(*map(look, dict.fromkeys(ids[:MOST_PEEKS])))
        if failures and not seen:
            raise failures[0]
        return seen

    async def aclose(self) -> None:
        await self._box.aclose()

    async def _peek(self, id: str) -> str | None:
        file = await self._file(id, ("extracted_text",))
        plain = file.representation("extracted_text")
        give_up_at_s = time.monotonic() + _PEEK_PATIENCE.total_seconds()
        ready = plain and await awaited(self._box, plain, give_up_at_s, _PEEK_POLL)
        if ready is None:
            return None
        content = await self._box.text(ready, most_bytes=_MOST_PEEK_BYTES)
        return decoded(content) if isinstance(content, Content) else None

    async def _file(self, id: str, representations: Sequence[str]) -> File:
        """Raises NotFound, in the same words also for a file outside the folder."""
        file = await self._box.file(id, representations=representations)
        if not self._is_ours(file):
            raise NotFound(NO_SUCH_FILE)
        return file

    def _is_ours(self, file: File) -> bool:
        return file.type == "file" and (self._folder is None or file.is_inside(self._folder))
