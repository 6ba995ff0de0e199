"""Excel workbooks, by openpyxl: the values as they were last calculated."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime, time

import openpyxl
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from services.text.extracted import File, Note, Piece
from services.text.markdown import heading, table


def read(file: File) -> Iterator[Piece]:
    book = openpyxl.load_workbook(io.BytesIO(file.data), read_only=True, data_only=True, keep_links=False)
    sheets = book.worksheets
    for sheet in sheets[: file.limits.pages]:
        hidden = "" if sheet.sheet_state == "visible" else " (hidden)"
        yield heading(f"Sheet: {sheet.title}{hidden}", 2)
        yield from table(_rows(sheet))
    if len(sheets) > file.limits.pages:
        yield Note(f"cut here: {file.limits.pages:,} of its {len(sheets):,} sheets are read.")


def _rows(sheet: ReadOnlyWorksheet) -> Iterator[list[str]]:
    sheet.reset_dimensions()  # what a file says about its own size is not to be relied upon
    for row in sheet.iter_rows(values_only=True):  # type: ignore[misc] # the stubs bind it to another kind of sheet
        yield [_text(value) for value in row]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
