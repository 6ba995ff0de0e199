"""The text of a file: as Box makes it where it does, else out of the file itself."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from errors import NotFound
from handlers.base import TextExtraction
from services.box.client import Box, Content, NotReady
from services.box.values import File, Representation

REPRESENTATIONS: Final = ("markdown", "extracted_text")
"""In the order in which they are preferred. Markdown keeps headings and tables, but Box makes it of Office files and
PDFs only, and not before it is asked for; plain text it makes of nearly anything, as soon as it is uploaded."""
MOST_TEXT_BYTES: Final = 1_000_000
MOST_DOWNLOAD_BYTES: Final = 40_000_000
_TOO_LARGE: Final = f"not read: it is larger than {MOST_DOWNLOAD_BYTES // 1_000_000} MB. Open it in Box."


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for what Box has yet to make; a fetch has 20 s in all."""

    representations: timedelta = timedelta(seconds=5)
    """For all of them together."""
    download: timedelta = timedelta(seconds=5)
    poll: timedelta = timedelta(milliseconds=250)
    """Before the second look; before each further one half as long again."""


class Reader:
    """Reads files for as long as `patience` allows, and says in the text what is missing from it."""

    def __init__(self, box: Box, extraction: TextExtraction, *, patience: Patience | None = None) -> None:
        self._box = box
        self._extraction = extraction
        self._patience = patience or Patience()

    async def read(self, file: File) -> str:
        """The whole readable text, or a note on why there is none. `file` must tell its representations.

        Raises a SourceError where Box fails; a form of the file that turns out not to be there is passed over.
        """
        give_up_at_s = time.monotonic() + self._patience.representations.total_seconds()
        for kind in REPRESENTATIONS:
            representation = file.representation(kind)
            if representation is not None:
                text = await self._made_by_box(file, representation, give_up_at_s)
                if text:
                    return text
        return await self._out_of_the_file(file) or _note(file, "there is no text in it.")

    async def _made_by_box(self, file: File, representation: Representation, give_up_at_s: float) -> str | None:
        try:
            ready = await awaited(self._box, representation, give_up_at_s, self._patience.poll)
            content = None if ready is None else await self._box.text(ready, most_bytes=MOST_TEXT_BYTES)
        except NotFound:
            return None
        if content is None or isinstance(content, NotReady):
            return None
        text = decoded(content)
        if content.complete:
            return text
        return f"{text}\n\n{_note(file, f'cut here: only the first {MOST_TEXT_BYTES:,} bytes of its text are read.')}"

    async def _out_of_the_file(self, file: File) -> str:
        if file.size is not None and file.size > MOST_DOWNLOAD_BYTES:
            return _note(file, _TOO_LARGE)
        try:
            content = await self._downloaded(file)
        except NotFound:
            # The usual case: an app that may only read is let see texts, but not download (Box staff in the support
            # community, "Cannot download a box file via the OAuth 2.0 client API without write scope").
            return _note(
                file, "not read: Box makes no text of it, and does not let this app download it. Open it in Box."
            )
        if content is None:
            return _note(file, "not read: Box is still preparing it. Fetch it again in a minute.")
        if not content.complete:
            return _note(file, _TOO_LARGE)
        extracted = await self._extraction.extract(content.data, name=file.name, content_type=content.content_type)
        return extracted.text

    async def _downloaded(self, file: File) -> Content | None:
        """None while it is not ready, if it does not become so in time."""
        give_up_at_s = time.monotonic() + self._patience.download.total_seconds()
        content = await self._box.download(file, most_bytes=MOST_DOWNLOAD_BYTES)
        while isinstance(content, NotReady):
            pause_s = max(content.retry_after, self._patience.poll).total_seconds()
            if time.monotonic() + pause_s > give_up_at_s:
                return None
            await asyncio.sleep(pause_s)
            content = await self._box.download(file, most_bytes=MOST_DOWNLOAD_BYTES)
        return content


async def awaited(
    box: Box, representation: Representation, give_up_at_s: float, poll: timedelta
) -> Representation | None:
    """It, once it is ready; None if it will not be, or not by then (of time.monotonic()). It is asked for at least
    once, again after `poll`, and then after pauses that are half as long again each time."""
    pause_s = poll.total_seconds()
    while not representation.is_ready:
        if not representation.may_become_ready:
            return None
        representation = await box.ask_for(representation)
        if not representation.is_ready:
            if time.monotonic() + pause_s > give_up_at_s:
                return None
            await asyncio.sleep(pause_s)
            pause_s *= 1.5
    return representation


def decoded(content: Content) -> str:
    """A representation as text. Where it was cut, the cut may go through a letter, of which nothing is to be seen."""
    return content.data.decode("utf-8-sig", errors="replace" if content.complete else "ignore").strip()


def _note(file: File, words: str) -> str:
    return f"[{' '.join(file.name.split())}: {words}]"
