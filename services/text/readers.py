"""Chooses the reader for a file. Runs in the worker process only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from services.text import archives, delimited, excel, mail, pdf, plain, powerpoint, web, word
from services.text.extracted import Extracted, File, Note, Piece, collect
from services.text.kinds import Kind, kind_of

Reader = Callable[[File], Iterator[Piece]]

_READERS: Mapping[Kind, Reader] = MappingProxyType(
    {
        Kind.PDF: pdf.read,
        Kind.WORD: word.read,
        Kind.EXCEL: excel.read,
        Kind.POWERPOINT: powerpoint.read,
        Kind.HTML: web.read,
        Kind.MAIL: mail.read,
        Kind.DELIMITED: delimited.read,
        Kind.PLAIN: plain.read,
    }
)
_OFFICE = frozenset({Kind.WORD, Kind.EXCEL, Kind.POWERPOINT})
_WHY_NOT: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.EMPTY: "empty.",
        Kind.ENCRYPTED_OFFICE: "locked with a password, so it was not read.",
        Kind.OLD_OFFICE: "a binary Office or Outlook file (.doc, .xls, .ppt, .msg), which is not read.",
        Kind.ARCHIVE: "an archive, which is not read.",
        Kind.BROKEN_ARCHIVE: "damaged and could not be read.",
        Kind.BINARY: "of a kind that holds no text we can read.",
    }
)


def extract(file: File, *, out_of_time: Callable[[], bool]) -> Extracted:
    """The text of a file of any kind. A damaged one may raise whatever its library raises."""
    return collect(file, _pieces(file), out_of_time=out_of_time)


def _pieces(file: File) -> Iterator[Piece]:
    kind = kind_of(file)
    if kind in _WHY_NOT:
        yield Note(_WHY_NOT[kind])
        return
    if kind in _OFFICE:
        try:
            archives.check(file)
        except archives.Unsafe as unsafe:
            yield Note(str(unsafe))
            return
    yield from _READERS[kind](file)
