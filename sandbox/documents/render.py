"""A sample text as the bytes of a file."""

from __future__ import annotations

import csv
import html
import io
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import docx
import openpyxl
import pptx
from pptx.util import Pt

from sandbox.documents.blocks import Block, blocks
from sandbox.documents.pdf import pdf_bytes

CONTENT_TYPES: Final = {
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "eml": "message/rfc822",
    "png": "image/png",
}


def extension_of(name: str) -> str:
    """What the name ends with, in lower case, without the dot; "" without one."""
    _, dot, extension = name.rpartition(".")
    return extension.lower() if dot else ""


def content_type_of(name: str) -> str:
    """The media type a vendor would tell for a file of this name."""
    return CONTENT_TYPES.get(extension_of(name), "application/octet-stream")


@lru_cache(maxsize=256)
def file_bytes(name: str, text: str) -> bytes:
    """The file: in the format its name ends with, or the text itself where that is no format of ours."""
    return _WRITERS.get(extension_of(name), str.encode)(text)


def html_page(text: str) -> str:
    """The text as an HTML document, as mail programs write them."""
    return f"<html><head></head><body>\r\n{''.join(_html(block) for block in blocks(text))}</body></html>"


def _html(block: Block) -> str:
    if block.kind == "table":
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows
        )
        return f"<table>{rows}</table>\r\n"
    tag = {"heading": f"h{block.level}", "item": "li"}.get(block.kind, "p")
    return f"<{tag}>{html.escape(block.text)}</{tag}>\r\n"


def _docx(text: str) -> bytes:
    document = docx.Document()
    for block in blocks(text):
        if block.kind == "heading":
            document.add_heading(block.text, level=min(block.level, 9))
        elif block.kind == "item":
            document.add_paragraph(block.text, style="List Bullet")
        elif block.kind == "paragraph":
            document.add_paragraph(block.text)
        else:
            table = document.add_table(rows=0, cols=max(len(row) for row in block.rows))
            for row in block.rows:
                for cell, value in zip(table.add_row().cells, row, strict=False):
                    cell.text = value
    return _saved(document.save)


def _xlsx(text: str) -> bytes:
    """The text is CSV."""
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    if sheet is None:
        raise RuntimeError("a new workbook has a sheet")
    for row in csv.reader(io.StringIO(text.strip())):
        sheet.append([_number_or_text(cell) for cell in row])
    return _saved(workbook.save)


def _number_or_text(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _pptx(text: str) -> bytes:
    """A slide for every heading."""
    presentation = pptx.Presentation()
    body = None
    for block in blocks(text):
        if block.kind == "heading" or body is None:
            slide = presentation.slides.add_slide(presentation.slide_layouts[1])
            slide.shapes.title.text = block.text if block.kind == "heading" else ""
            body = slide.placeholders[1].text_frame
            if block.kind == "heading":
                continue
        lines = [" | ".join(row) for row in block.rows] or [block.text]
        for line in lines:
            paragraph = body.add_paragraph()
            paragraph.text = line
            paragraph.font.size = Pt(16)
    return _saved(presentation.save)


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


def _png(_text: str) -> bytes:
    """A white picture of 8 by 8 dots. Its text is what a person would see in it, and no program can read."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (8).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    dots = zlib.compress((b"\0" + b"\xff" * 8) * 8)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", dots) + chunk(b"IEND", b"")


_WRITERS: Final[dict[str, Callable[[str], bytes]]] = {
    "html": lambda text: html_page(text).encode(),
    "docx": _docx,
    "pdf": pdf_bytes,
    "xlsx": _xlsx,
    "pptx": _pptx,
    "png": _png,
}
