"""CSV and its relatives, as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from services.text.charsets import decode
from services.text.extracted import File, Piece
from services.text.markdown import table

_SAMPLE_CHARACTERS = 8_192
_DELIMITERS = ",;\t|"
_LONGEST_FIELD = 10_000_000


def read(file: File) -> Iterator[Piece]:
    text = decode(file.data, file.charset)
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        dialect = csv.Sniffer().sniff(text[:_SAMPLE_CHARACTERS], delimiters=_DELIMITERS)
    except csv.Error:
        yield text  # one column, or no table at all
        return
    yield from table(csv.reader(io.StringIO(text, newline=""), dialect))
