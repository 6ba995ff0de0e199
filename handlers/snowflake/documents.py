"""How rows become hits and documents: which columns count, and rows of one document put together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final
from urllib.parse import quote, unquote

from errors import NotFound
from handlers.base import Document, Hit, SearchQuery
from handlers.snowflake.config import ID_MARK, SnowflakeConfig
from services.snowflake.names import stored_name

ROWS_PER_HIT: Final = 3
"""So many rows are asked for per hit that is wanted, for several of them may be parts of one document."""
MOST_PARTS: Final = 1_000
"""Rows that a document is put together from: as many as Cortex Search gives."""

_LONGEST_ID: Final = 1_900
"""Characters. The gateway takes 2,048, the source's key among them."""
_LONGEST_FACT: Final = 500
_WEB_PAGE: Final = re.compile(r"https?://[^/\s][^\s\x00-\x1f\x7f]*", re.IGNORECASE)
_WHOLE_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]{0,37}")

Row = Mapping[str, str]
"""What a row holds, as text, by stored column name. NULL is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The columns that make a document, by their stored names."""

    id: str
    title: str
    texts: Sequence[str]
    order: str | None
    url: str | None
    url_template: str | None
    facts: Sequence[str] = ()
    """Told beside a document's text."""

    @classmethod
    def of(cls, config: SnowflakeConfig) -> Layout:
        """As the owner set it."""
        return cls(
            id=stored_name(config.id_column),
            title=stored_name(config.title_column),
            texts=[stored_name(column) for column in config.text_columns],
            order=None if config.order_column is None else stored_name(config.order_column),
            url=None if config.url_column is None else stored_name(config.url_column),
            url_template=config.url_template,
        )

    @property
    def settings(self) -> Sequence[tuple[str, str]]:
        """The columns that the owner chose, each with the title of its setting."""
        named = [("ID column", self.id), ("title column", self.title)]
        named += [("order column", self.order)] if self.order is not None else []
        named += [("page column", self.url)] if self.url is not None else []
        return [*named, *(("text columns", column) for column in self.texts)]

    @property
    def columns(self) -> Sequence[str]:
        """Every column that a hit needs, once."""
        return list(dict.fromkeys(column for _, column in self.settings))


def hits(layout: Layout, rows: Sequence[Row], query: SearchQuery) -> Sequence[Hit]:
    """One hit per document, in the place of its best row, with the texts of all its rows in their order."""
    documents: dict[str, list[Row]] = {}
    for row in rows:
        documents.setdefault(_native_id(row.get(layout.id, "")), []).append(row)
    documents.pop("", None)
    return [
        Hit(id=native, title=_title(layout, parts), url=_url(layout, parts), text=_text(layout, parts) or None)
        for native, parts in list(documents.items())[: query.limit]
    ]


def document(layout: Layout, id: str, rows: Sequence[Row]) -> Document:
    """All rows of one document, put in order if there is a column for it."""
    parts = sorted(rows, key=lambda row: _place(row.get(layout.order or "", "")))
    note = f"\n\n[Cut: only the first {MOST_PARTS:,} parts are shown.]" if len(rows) >= MOST_PARTS else ""
    facts = {name: parts[0].get(name, "") for name in layout.facts if name not in layout.columns}
    return Document(
        id=id,
        title=_title(layout, parts),
        url=_url(layout, parts),
        text=_text(layout, parts) + note,
        metadata={name: value for name, value in facts.items() if 0 < len(value) <= _LONGEST_FACT},
    )


def id_value(id: str) -> str:
    """The value of the ID column that a native id stands for. Raises NotFound for an id that `hits` never writes."""
    if id and id.isascii():
        value = unquote(id, errors="replace")
        if _native_id(value) == id:
            return value
    raise no_such_document()


def is_whole_number(value: str) -> bool:
    """Whether a NUMBER column may hold this value as it is written."""
    return _WHOLE_NUMBER.fullmatch(value) is not None


def no_such_document() -> NotFound:
    return NotFound("There is no document with this id.")


def _native_id(value: str) -> str:
    """The value percent-encoded, so that ids are plain ASCII without spaces and line breaks; "" if it cannot be one."""
    encoded = quote(value, safe="")
    return encoded if value.strip() and "\0" not in value and len(encoded) <= _LONGEST_ID else ""


def _title(layout: Layout, parts: Sequence[Row]) -> str:
    """The title column's, else the ID."""
    first = parts[0]
    return first.get(layout.title, "").strip() or first.get(layout.id, "")


def _text(layout: Layout, parts: Sequence[Row]) -> str:
    """The text columns of every part; what two parts have alike stands once."""
    texts = [part[column] for part in parts for column in layout.texts if part.get(column, "").strip()]
    return "\n\n".join(dict.fromkeys(texts))


def _url(layout: Layout, parts: Sequence[Row]) -> str:
    """Only what a browser may open as a web page."""
    if layout.url_template is not None:
        return layout.url_template.replace(ID_MARK, quote(parts[0].get(layout.id, ""), safe=""))
    url = parts[0].get(layout.url or "", "").strip()
    return url if _WEB_PAGE.fullmatch(url) else ""


def _place(value: str) -> tuple[bool, Decimal, str]:
    """Numbers by their size, then everything else by its spelling."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return True, Decimal(), value
    return (False, number, "") if number.is_finite() else (True, Decimal(), value)
