"""Plain text, and all that is readable as it is: Markdown, JSON, source code, calendars."""

from __future__ import annotations

from collections.abc import Iterator

from services.text.charsets import decode
from services.text.extracted import File, Piece


def read(file: File) -> Iterator[Piece]:
    yield decode(file.data, file.charset)
