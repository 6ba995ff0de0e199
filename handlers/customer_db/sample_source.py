"""The sample as a source."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from errors import NotFound
from handlers.base import Document, Hit, Lent, Resource, ResourcePage, SearchQuery
from handlers.customer_db.cursors import open_cursor, seal_cursor
from handlers.customer_db.sample import Customer, SampleStore, Status
from services.customer_database.moments import as_moment
from services.rendering import as_lines

PAGE_ROWS = 50
_ID = re.compile(r"[1-9][0-9]{0,9}")


class SampleSource:
    """Ten customers of this source alone, in a file in the folder it is lent."""

    def __init__(self, lent: Lent) -> None:
        self._store = SampleStore(lent.folder)
        self._clock = lent.clock

    async def check(self) -> str:
        count = await asyncio.to_thread(self._store.count, None)
        return f"Sample customers ({count} rows, a copy of your own)"

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        found = await asyncio.to_thread(self._store.search, query.text, query.limit)
        return [
            Hit(
                id=str(customer.id),
                title=customer.name,
                text=_text(customer),
                updated_at=as_moment(customer.updated_at),
                facts={"status": customer.status},
            )
            for customer in found
        ]

    async def fetch(self, id: str) -> Document:
        customer = await self.get(_number(id))
        metadata = {name: value for name, value in asdict(customer).items() if name not in ("id", "name") and value}
        return Document(id=id, title=customer.name, text=_text(customer), metadata=metadata)

    async def texts(self, ids: Sequence[str]) -> Mapping[str, str]:
        numbers = [_number(known) for known in ids if _ID.fullmatch(known)]
        customers = await asyncio.to_thread(self._store.pick, numbers)
        return {str(customer.id): _text(customer) for customer in customers}

    async def resources(self) -> Sequence[Resource]:
        return (
            Resource(path="customers", title="Customers", description="Every customer, in the order of their ids."),
        )

    async def read(self, path: str, cursor: str | None) -> ResourcePage:
        if path != "customers":
            raise NotFound("There is no such resource.")
        after = int(open_cursor(path, cursor, form=_ID)) if cursor is not None else 0
        rows = await asyncio.to_thread(self._store.list, status=None, limit=PAGE_ROWS + 1, after=after)
        page = rows[:PAGE_ROWS]
        more = seal_cursor(path, str(page[-1].id)) if len(rows) > PAGE_ROWS else None
        return ResourcePage(text=json.dumps([asdict(row) for row in page], ensure_ascii=False), next=more)

    async def aclose(self) -> None:
        """Nothing is kept open between calls."""

    async def get(self, id: int) -> Customer:
        """Raises NotFound."""
        return await asyncio.to_thread(self._store.get, id)

    async def list(self, status: Status | None, limit: int) -> tuple[Sequence[Customer], int]:
        """Up to `limit` customers, and how many there are in all."""
        rows = await asyncio.to_thread(self._store.list, status=status, limit=limit)
        return rows, await asyncio.to_thread(self._store.count, status)

    async def add(self, *, name: str, email: str, phone: str | None, status: Status) -> Customer:
        """Raises Conflict for an e-mail address that is taken."""
        return await asyncio.to_thread(
            self._store.add, name=name, email=email, phone=phone, status=status, now=self._clock()
        )

    async def update(self, id: int, changes: Mapping[str, str]) -> Customer:
        """Raises NotFound and Conflict."""
        return await asyncio.to_thread(self._store.update, id, changes=changes, now=self._clock())


def _number(id: str) -> int:
    if not _ID.fullmatch(id):
        raise NotFound("There is no customer with this id.")
    return int(id)


def _text(customer: Customer) -> str:
    return as_lines(asdict(customer).items())
