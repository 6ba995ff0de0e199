"""A table of a customer's own database as a source."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from errors import NotFound, SourceUnavailable
from handlers.base import Document, Hit, Lent, Resource, ResourcePage, SearchQuery
from handlers.customer_db import resources
from handlers.customer_db.config import ID_MARK, CustomerDbConfig, QueryTemplate
from handlers.customer_db.opened import CUSTOMERS, CustomerDatabase, describe_place
from services.customer_database import rows
from services.customer_database.database import Limits
from services.customer_database.rows import Found

LONGEST_NAME = 300


class DatabaseSource:
    """One table or view, searched and read, and what its owner configured beside it."""

    def __init__(self, config: CustomerDbConfig, lent: Lent, limits: Limits | None = None) -> None:
        self.config = config
        self.clock = lent.clock
        self.database = CustomerDatabase(config, lent, limits)

    async def check(self) -> str:
        """The database's name, and behind it which protections hold."""
        opened = await self.database.open(again=True)
        for template in self.config.queries:
            await self._try_out(template)
        place = describe_place(self.config.address)
        return f"{place[:100]} ({'; '.join(opened.protections)})"[:LONGEST_NAME]

    async def protections(self) -> Sequence[str]:
        """What keeps this source from writing, as phrases for its owner."""
        return (await self.database.open()).protections

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        async with self.database.reading() as (session, opened):
            found = await rows.search(session, opened.reader, opened.views[CUSTOMERS], query.text, query.limit)
        return [self._hit(each) for each in found]

    async def fetch(self, id: str) -> Document:
        found = await self.find(id)
        metadata = {name: value for name, value in found.values.items() if len(value) <= LONGEST_NAME}
        if found.updated is not None:
            metadata["updated_at"] = found.updated.isoformat()
        return Document(
            id=found.key,
            title=found.title,
            url=self._url(found.key),
            text=found.text,
            metadata=metadata if len(found.values) > 1 else {},
        )

    async def find(self, id: str) -> Found:
        """The customer's row. Raises NotFound."""
        if not rows.is_possible(id):
            raise NotFound("There is no row with this id.")
        async with self.database.reading() as (session, opened):
            found = await rows.find(session, opened.reader, opened.views[CUSTOMERS], id)
        if found is None:
            raise NotFound("There is no row with this id.")
        return found

    async def resources(self) -> Sequence[Resource]:
        return resources.list_resources(self.config)

    async def read(self, path: str, cursor: str | None) -> ResourcePage:
        return await resources.read_page(self.database, self.config, path, cursor)

    async def aclose(self) -> None:
        await self.database.aclose()

    async def _try_out(self, template: QueryTemplate) -> None:
        try:
            await self.database.try_out(template.sql, template.parameter_types)
        except SourceUnavailable as error:
            raise SourceUnavailable(f"Query {template.name}: {error.message}") from error

    def _hit(self, found: Found) -> Hit:
        return Hit(
            id=found.key,
            title=found.title,
            url=self._url(found.key),
            text=found.text,
            updated_at=found.updated,
        )

    def _url(self, key: str) -> str:
        template = self.config.url_template
        return template.replace(ID_MARK, quote(key, safe="")) if template else ""
