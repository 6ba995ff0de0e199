"""The tables of a source as resources that agents read page by page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from errors import NotFound
from handlers.base import Resource, ResourcePage
from handlers.customer_db.config import CustomerDbConfig
from handlers.customer_db.cursors import open_cursor, seal_cursor
from handlers.customer_db.opened import CUSTOMERS, KNOWLEDGE, TICKETS, CustomerDatabase
from services.customer_database import rows
from services.customer_database.rows import Found

PAGE_ROWS: Final = 50

_CUSTOMERS: Final = Resource(
    path=CUSTOMERS, title="Customers", description="Every customer, in the order of their keys."
)
_TICKETS: Final = Resource(
    path=TICKETS, title="Tickets", description="Every support ticket, in the order of their keys."
)
_KNOWLEDGE: Final = Resource(
    path=KNOWLEDGE, title="Knowledge base", description="Every article, in the order of their keys."
)


def list_resources(config: CustomerDbConfig) -> Sequence[Resource]:
    """Customers, and tickets and articles where they are configured."""
    return (
        _CUSTOMERS,
        *((_TICKETS,) if config.tickets else ()),
        *((_KNOWLEDGE,) if config.knowledge_base else ()),
    )


async def read_page(
    database: CustomerDatabase, config: CustomerDbConfig, path: str, cursor: str | None
) -> ResourcePage:
    """Up to 50 rows as a JSON list of objects. Raises NotFound, and Invalid for a cursor that is not ours."""
    if path not in {resource.path for resource in list_resources(config)}:
        raise NotFound("There is no such resource.")
    after = open_cursor(path, cursor) if cursor is not None else None
    async with database.reading() as (session, opened):
        found = await rows.page(session, opened.reader, opened.views[path], after, PAGE_ROWS + 1)
    shown = found[:PAGE_ROWS]
    more = seal_cursor(path, shown[-1].key) if len(found) > PAGE_ROWS else None
    return ResourcePage(text=json.dumps([_told(each) for each in shown], ensure_ascii=False), next=more)


def _told(found: Found) -> dict[str, object]:
    return {"id": found.key, "title": found.title, "values": found.values}
