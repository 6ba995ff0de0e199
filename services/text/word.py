"""Word documents, by python-docx."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping

import docx
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree  # type: ignore[import-untyped] # lxml has no types

from services.text.extracted import File, Piece
from services.text.markdown import heading, item, one_line, paragraph, table

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_NOTES = ("/word/footnotes.xml", "/word/endnotes.xml")


def read(file: File) -> Iterator[Piece]:
    document = docx.Document(io.BytesIO(file.data))
    # Asked one by one, the library looks the default style up in vain for every paragraph: 2 ms each.
    styles = {style.style_id: style.name or "" for style in document.styles}
    yield from _blocks(document.iter_inner_content(), styles)
    for part in document.part.package.iter_parts():
        if part.partname in _NOTES:
            yield from _notes(part.blob)


def _blocks(content: Iterable[Paragraph | Table], styles: Mapping[str, str]) -> Iterator[str]:
    listed = False
    for block in content:
        if isinstance(block, Table):
            yield from table(_rows(block))
            continue
        style = styles.get(block._p.style or "", "")  # noqa: SLF001 - see the comment in `read`
        was_listed, listed = listed, _is_listed(block, style)
        yield "\n" if was_listed and not listed else ""
        yield item(block.text) if listed else _paragraph(block.text, style)


def _paragraph(text: str, style: str) -> str:
    if style == "Title":
        return heading(text, 1)
    if style.startswith("Heading "):
        level = style.removeprefix("Heading ")
        return heading(text, int(level) if level.isdecimal() else 1)
    return paragraph(text)


def _is_listed(block: Paragraph, style: str) -> bool:
    if style.startswith(("Heading", "Title")):
        return False
    properties = block._p.pPr  # noqa: SLF001 - the library has no other way to ask whether a paragraph is numbered
    return style.startswith("List") or (properties is not None and properties.numPr is not None)


def _rows(grid: Table) -> Iterator[list[str]]:
    for row in grid.rows:
        cells: list[str] = []
        spanned = 0
        for cell in row.cells:
            if spanned:  # a cell over several columns comes once for each of them
                spanned -= 1
                continue
            spanned = cell.grid_span - 1
            cells.append(one_line(" ".join(_words(cell.iter_inner_content()))))
        yield cells


def _words(content: Iterable[Paragraph | Table]) -> Iterator[str]:
    for block in content:
        if isinstance(block, Paragraph):
            yield block.text
        else:
            for row in _rows(block):
                yield from row


def _notes(blob: bytes) -> Iterator[str]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    for note in etree.fromstring(blob, parser):
        number = note.get(f"{_WORD}id", "")
        if note.get(f"{_WORD}type") is None:  # the others are the lines that separate notes from text
            yield item("".join(part.text or "" for part in note.iter(f"{_WORD}t")), bullet=f"[{number}]")
