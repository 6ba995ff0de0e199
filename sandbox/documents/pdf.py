"""Writes a plain PDF: A4, one typeface, as many pages as the text needs."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sandbox.documents.blocks import Block, blocks

LINES_PER_PAGE: Final = 52
CHARACTERS_PER_LINE: Final = 92
_HEAD: Final = b"%PDF-1.4\n"
_FIRST_PAGE_OBJECT: Final = 4


def pdf_bytes(text: str) -> bytes:
    """The text as a PDF with a text layer. Characters that Windows-1252 does not have become question marks."""
    pages = list(_paged(_lines(text))) or [[""]]
    # Objects 1 to 3 are the catalog, the page tree and the font; then a page and its content in turn.
    numbers = range(_FIRST_PAGE_OBJECT, _FIRST_PAGE_OBJECT + 2 * len(pages), 2)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(b"%d 0 R" % number for number in numbers), len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in zip(numbers, pages, strict=True):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            b"/Contents %d 0 R >>" % (number + 1)
        )
        content = _content(page)
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    return _assembled(objects)


def _assembled(objects: Sequence[bytes]) -> bytes:
    """Head, objects, cross-reference table, trailer (ISO 32000-1, 7.5)."""
    written = bytearray(_HEAD)
    offsets: list[int] = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        written += b"%010d 00000 n \n" % offset
    written += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(written)


def _content(lines: Iterable[str]) -> bytes:
    shown = b"".join(b"(%s) Tj T*\n" % _escaped(line) for line in lines)
    return b"BT /F1 10 Tf 14 TL 56 786 Td\n%sET" % shown


def _escaped(line: str) -> bytes:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").encode("cp1252", "replace")


def _paged(lines: Iterator[str]) -> Iterator[list[str]]:
    while page := list(itertools.islice(lines, LINES_PER_PAGE)):
        yield page


def _lines(text: str) -> Iterator[str]:
    for block in blocks(text):
        yield from textwrap.wrap(_plain(block), CHARACTERS_PER_LINE) if block.kind != "table" else _table(block)
        yield ""


def _plain(block: Block) -> str:
    return f"\u2022 {block.text}" if block.kind == "item" else block.text


def _table(block: Block) -> Iterator[str]:
    for row in block.rows:
        yield "   ".join(row)
