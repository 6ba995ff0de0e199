"""Documents of a Cortex Search service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from errors import SourceUnavailable
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
from services.snowflake.refusals import NotGranted, StatementRejected
from services.snowflake.search import CortexSearch, Equals, Service

_BELIEVED_FOR: Final = timedelta(minutes=10)
_NO_COLUMN: Final = (
    "The search service has no column like the {setting} in the settings. Its columns are fixed when it is made."
)
_NO_TEXT: Final = "The search service searches several columns. Name the text columns to show in the settings."
_NO_ATTRIBUTE: Final = (
    "The ID column is none of the search service's attributes, so that no document could be fetched. Make the service "
    "anew with the column under ATTRIBUTES, or choose one that stands there."
)
_NOT_SERVING: Final = (
    "The search service is suspended or still being built. ALTER CORTEX SEARCH SERVICE ... RESUME SERVING starts it."
)


class ServiceDocuments:
    """Searches by meaning and words, and fetches by a filter on the ID column."""

    def __init__(self, search: CortexSearch, layout: Layout, *, clock: Clock) -> None:
        self._search = search
        self._chosen = layout
        self._layout = Remembered(self._find_layout, clock=clock, lasts=_BELIEVED_FOR)
        self._has_numbers = False

    async def check(self) -> None:
        """Raises the SourceError that says what to mend."""
        self._layout.forget()
        layout = await self._layout.get()
        await self._search.query("check", columns=layout.columns, limit=1)

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        layout = await self._layout.get()
        try:
            rows = await self._search.query(query.text, columns=layout.columns, limit=query.limit * ROWS_PER_HIT)
        except StatementRejected:
            # Perhaps the service was replaced by one with other columns.
            self._layout.forget()
            raise
        return hits(layout, rows, query)

    async def fetch(self, id: str) -> Document:
        value = id_value(id)
        layout = await self._layout.get()
        rows = await self._rows(layout, value)
        return document(layout, id, rows)

    async def _rows(self, layout: Layout, value: str) -> Sequence[Row]:
        """A description does not tell whether a column holds text or numbers, and the filter wants to know."""
        columns = list(dict.fromkeys([*layout.columns, *layout.facts]))
        for wanted in self._spellings(value):
            try:
                rows = await self._search.query(
                    value, columns=columns, limit=MOST_PARTS, only=Equals(layout.id, wanted), is_ranked=False
                )
            except StatementRejected:
                continue
            if rows:
                self._has_numbers = isinstance(wanted, int)
                return rows
        raise no_such_document()

    def _spellings(self, value: str) -> Sequence[str | int]:
        if not is_whole_number(value):
            return (value,)
        return (int(value), value) if self._has_numbers else (value, int(value))

    async def _find_layout(self) -> Layout:
        service = await self._search.describe()
        if not service.is_serving:
            raise SourceUnavailable(_NOT_SERVING)
        _check_columns(self._chosen, service)
        searched = [] if service.search_column is None else [service.search_column]
        texts = self._chosen.texts or searched
        if not texts:
            raise NotGranted(_NO_TEXT)
        return replace(self._chosen, texts=texts, facts=service.attribute_columns)


def _check_columns(layout: Layout, service: Service) -> None:
    for setting, column in layout.settings:
        if column not in service.columns:
            raise NotGranted(_NO_COLUMN.format(setting=setting))
    if layout.id not in service.attribute_columns:
        raise NotGranted(_NO_ATTRIBUTE)
