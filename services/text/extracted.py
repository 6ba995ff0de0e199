"""What goes into an extraction and what comes out of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message

_LONGEST_NAME = 120
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """The text of a file, with a note in it wherever something was cut or could not be read."""

    text: str
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one file may cost."""

    input_bytes: int = 50_000_000
    unpacked_bytes: int = 300_000_000
    """Of all that an Office file holds, when unpacked."""
    pages: int = 1_000
    """Pages, slides or sheets."""
    characters: int = 100_000
    time: timedelta = timedelta(seconds=10)
    """For one file, from the moment a process takes it up. Near its end, what is read so far is the result."""
    memory_bytes: int = 1_000_000_000
    """Address space of one process; about 200 MB of it are the libraries."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the reader of the text must know: what was cut, or why there is nothing."""

    text: str


Piece = str | Note
"""A reader yields texts, each with the line breaks that belong to it, and notes, which stand alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file as it was handed in, and what it may cost; name and content type are what somebody claims."""

    data: bytes
    name: str
    content_type: str
    limits: Limits

    @property
    def media_type(self) -> str:
        """In lower case, without parameters: `text/html`."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        """The declared one, if any."""
        header = Message()
        header["Content-Type"] = self.content_type.replace("\r", " ").replace("\n", " ")
        charset = header.get_param("charset")
        return charset if isinstance(charset, str) else None

    @property
    def extension(self) -> str:
        """In lower case, with its dot; "" if there is none."""
        stem, dot, extension = self.name.rpartition(".")
        return f".{extension.lower()}" if stem and dot else ""


def collect(file: File, pieces: Iterable[Piece], *, out_of_time: Callable[[], bool]) -> Extracted:
    """Takes pieces until there are no more, or no room, or no time, and says in the text which it was."""
    parts: list[str] = []
    room, complete = file.limits.characters, True
    for piece in pieces:
        if isinstance(piece, Note):
            parts.append(_standing_alone(file.name, piece))
            complete = False
            continue
        parts.append(piece[:room])
        room -= len(piece)
        if room < 0 or out_of_time():
            most = f"only the first {file.limits.characters:,} characters are read."
            why = most if room < 0 else "reading the rest takes too long."
            parts.append(_standing_alone(file.name, Note(f"cut here: {why}")))
            complete = False
            break
    return Extracted(text=_tidy("".join(parts)), complete=complete)


def only_note(name: str, text: str) -> Extracted:
    """For a file of which nothing could be read."""
    return Extracted(text=_standing_alone(name, Note(text)).strip(), complete=False)


def _standing_alone(name: str, note: Note) -> str:
    shown = _UNPRINTABLE.sub(" ", name).strip()[:_LONGEST_NAME] or "File"
    return f"\n\n[{shown}: {note.text}]\n\n"


def _tidy(text: str) -> str:
    return _BLANK_LINES.sub("\n\n", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")).strip()
