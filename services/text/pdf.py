"""PDF, by PDFium."""

from __future__ import annotations

from collections.abc import Iterator

from pypdfium2 import PdfDocument, PdfiumError  # type: ignore[import-untyped] # it has no types
from pypdfium2.raw import FPDF_ERR_PASSWORD  # type: ignore[import-untyped] # it has no types

from services.text.extracted import File, Note, Piece
from services.text.markdown import heading, paragraph

_HYPHENS = str.maketrans({"\ufffe": "", "\x02": ""})
"""PDFium's marks for a hyphen at the end of a line, where the word goes on in the next."""


def read(file: File) -> Iterator[Piece]:
    try:
        document = PdfDocument(file.data)
    except PdfiumError as error:
        if error.err_code != FPDF_ERR_PASSWORD:
            raise
        yield Note("locked with a password, so it was not read.")
        return
    count = len(document)
    empty, damaged = True, 0
    for number in range(min(count, file.limits.pages)):
        text = _text(document, number)
        if text is None:
            damaged += 1
        elif text.strip():
            empty = False
            yield heading(f"Page {number + 1}", 2) if count > 1 else ""
            yield paragraph(text)
    if damaged:
        yield Note(f"{damaged:,} of its {count:,} pages are damaged and could not be read.")
    elif empty:
        yield Note("no text in it; its pages are probably images.")
    if count > file.limits.pages:
        yield Note(f"cut here: {file.limits.pages:,} of its {count:,} pages are read.")


def _text(document: PdfDocument, number: int) -> str | None:
    try:
        page = document[number]
    except PdfiumError:
        return None
    try:
        text: str = page.get_textpage().get_text_bounded()
    except PdfiumError:
        return None
    finally:
        page.close()
    return text.translate(_HYPHENS)
