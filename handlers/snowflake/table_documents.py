"""Documents of a table or view, by SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from handlers.base import Clock, Document, Hit, SearchQuery
from handlers.snowflake.documents import (
    MOST_PARTS,
    ROWS_PER_HIT,
    Layout,
    Row,
    document,
    hits,
    id_value,
    is_whole_number,
    no_such_document,
)
from handlers.snowflake.remembered import Remembered
from handlers.snowflake.table_sql import TableName, any_row, find_rows, list_columns, read_rows
from services.rendering import as_text
from services.snowflake.refusals import OBJECT, NotGranted
from services.snowflake.statements import Binding, Result, Statement, Statements
from services.words import search_words

_BELIEVED_FOR: Final = timedelta(minutes=10)
_TIMEOUT: Final = timedelta(seconds=20)
_MOST_COLUMNS: Final = 10_000
_UNREADABLE: Final = frozenset({"BINARY", "GEOGRAPHY", "GEOMETRY", "VECTOR", "FILE"})
_NO_COLUMN: Final = "The table has no column like the {setting} in the settings, or the role may not see it."
_NOT_AN_ID: Final = "The ID column must hold text or whole numbers."
_NOT_TEXT: Final = "The {setting} in the settings hold something that cannot be shown as text. Choose others."


class TableDocuments:
    """Searches for words, and fetches by the ID column."""

    def __init__(self, statements: Statements, table: TableName, layout: Layout, *, clock: Clock) -> None:
        self._statements = statements
        self._table = table
        self._layout = layout
        self._types = Remembered(self._find_types, clock=clock, lasts=_BELIEVED_FOR)

    async def check(self) -> None:
        """Raises the SourceError that says what to mend."""
        self._types.forget()
        await self._types.get()
        result = await self._run(any_row(self._table, self._layout), (), tag="check", limit=1)
        if any(column.name == self._layout.id and column.scale for column in result.columns):
            raise NotGranted(_NOT_AN_ID)

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        words = search_words(query.text)
        if not words:
            return ()
        await self._types.get()
        limit = query.limit * ROWS_PER_HIT
        sql, bindings = find_rows(self._table, self._layout, words, limit)
        return hits(self._layout, await self._rows(sql, bindings, tag="search", limit=limit), query)

    async def fetch(self, id: str) -> Document:
        value = id_value(id)
        types = await self._types.get()
        has_numbers = types[self._layout.id] == "NUMBER"
        if has_numbers and not is_whole_number(value):
            raise no_such_document()
        sql, bindings = read_rows(self._table, self._layout, Binding("FIXED" if has_numbers else "TEXT", value))
        rows = await self._rows(sql, bindings, tag="fetch", limit=MOST_PARTS)
        if not rows:
            raise no_such_document()
        return document(self._layout, id, rows)

    async def _rows(self, sql: str, bindings: Sequence[Binding], *, tag: str, limit: int) -> Sequence[Row]:
        result = await self._run(sql, bindings, tag=tag, limit=limit)
        names = [column.name for column in result.columns]
        return [
            {name: as_text(cell) for name, cell in zip(names, row, strict=True) if cell is not None}
            for row in result.rows
        ]

    async def _run(self, sql: str, bindings: Sequence[Binding], *, tag: str, limit: int) -> Result:
        return await self._statements.run(
            Statement(sql=sql, bindings=bindings, tag=f"gatehouse/{tag}", timeout=_TIMEOUT, max_rows=limit)
        )

    async def _find_types(self) -> Mapping[str, str]:
        """Of all columns, once those of the settings are known to be among them: only then are they put into SQL."""
        sql, bindings = list_columns(self._table)
        rows = await self._rows(sql, bindings, tag="columns", limit=_MOST_COLUMNS)
        types = {row["COLUMN_NAME"]: row["DATA_TYPE"] for row in rows}
        if not types:
            raise NotGranted(OBJECT)
        _check_types(self._layout, types)
        return types


def _check_types(layout: Layout, types: Mapping[str, str]) -> None:
    """`types` as INFORMATION_SCHEMA has them: TEXT, NUMBER, TIMESTAMP_NTZ."""
    for setting, column in layout.settings:
        if column not in types:
            raise NotGranted(_NO_COLUMN.format(setting=setting))
        if types[column] in _UNREADABLE:
            raise NotGranted(_NOT_TEXT.format(setting=setting))
    if types[layout.id] not in ("TEXT", "NUMBER"):
        raise NotGranted(_NOT_AN_ID)
