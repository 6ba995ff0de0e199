"""A real customer database, opened by the first call, with the tables of its settings found in its catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from errors import NotFound
from handlers.base import Lent
from handlers.customer_db.config import CustomerDbConfig
from services.customer_database.addresses import Address, FileAddress
from services.customer_database.admission import Admission
from services.customer_database.catalogue import Wanted
from services.customer_database.database import Database, Limits, Session
from services.customer_database.opening import choose_reader
from services.customer_database.queries import QueryResult, Value, explain_query, run_query
from services.customer_database.rows import Reader, View

CUSTOMERS: Final = "customers"
TICKETS: Final = "tickets"
INTERACTIONS: Final = "interactions"
KNOWLEDGE: Final = "knowledge_base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A database whose user and tables have been looked at."""

    database: Database
    reader: Reader
    views: Mapping[str, View]
    """By what they are: `customers`, `tickets`, `interactions`, `knowledge_base`, as far as they are configured."""
    protections: Sequence[str]


class CustomerDatabase:
    """Opens itself when it is first used, and closes everything in `aclose`."""

    def __init__(self, config: CustomerDbConfig, lent: Lent, limits: Limits | None = None) -> None:
        self._config = config
        rules = lent.databases
        self._admission = Admission(egress=lent.egress, listed=rules.allowed, closed_ports=rules.closed_ports)
        self._sqlite_folder = rules.sqlite_folder
        self._limits = limits
        self._opening = asyncio.Lock()
        self._database: Database | None = None
        self._opened: Opened | None = None

    async def open(self, *, again: bool = False) -> Opened:
        """The database, looked at once or, if `again`, now. Raises SourceErrors that say what is to be mended."""
        async with self._opening:
            if self._opened is None or again:
                self._opened = await self._look()
            return self._opened

    async def _look(self) -> Opened:
        reader = choose_reader(
            self._config.address,
            self._config.password,
            admission=self._admission,
            sqlite_folder=self._sqlite_folder,
            limits=self._limits,
        )
        if self._database is None:
            self._database = Database(reader)
        async with self._database.reading() as session:
            protections = await reader.protections(session)
            views = {name: await _find(session, reader, wanted) for name, wanted in _wanted(self._config).items()}
        return Opened(database=self._database, reader=reader, views=views, protections=protections)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[tuple[Session, Opened]]:
        """A transaction that cannot write."""
        opened = await self.open()
        async with opened.database.reading() as session:
            yield session, opened

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[tuple[Session, Opened]]:
        """A transaction that writes; for tools that are offered only where the owner allows it."""
        if not self._config.allow_writes:
            raise NotFound("There is no such tool.")
        opened = await self.open()
        async with opened.database.writing() as session:
            yield session, opened

    async def run(self, sql: str, values: Mapping[str, Value], types: Mapping[str, type], *, most: int) -> QueryResult:
        """The answer to the owner's SQL, in a transaction that cannot write."""
        async with self.reading() as (session, opened):
            return await run_query(session, opened.reader, sql, values, types, most=most)

    async def try_out(self, sql: str, types: Mapping[str, type]) -> None:
        """Has the database plan the owner's SQL. Raises SourceUnavailable if it cannot."""
        async with self.reading() as (session, opened):
            await explain_query(session, opened.reader, sql, types)

    async def aclose(self) -> None:
        """Closes every connection."""
        if self._database is not None:
            await self._database.aclose()


@dataclass(frozen=True, slots=True, kw_only=True)
class _WantedView:
    wanted: Wanted
    key: str
    title: str
    texts: Sequence[str]
    updated: str | None = None


async def _find(session: Session, reader: Reader, view: _WantedView) -> View:
    table = await reader.find_table(session, view.wanted)
    return View(table=table, key=view.key, title=view.title, texts=view.texts, updated=view.updated)


def _wanted(config: CustomerDbConfig) -> Mapping[str, _WantedView]:
    """The tables of the settings, and which of their columns are needed."""
    found = {CUSTOMERS: _wanted_customers(config)}
    if (tickets := config.tickets) is not None:
        columns = _titled(tickets, "key_column", "customer_column", "title_column", "status_column", "created_column")
        found[TICKETS] = _WantedView(
            wanted=Wanted(setting="Tickets", name=tickets.table, columns=columns),
            key=tickets.key_column,
            title=tickets.title_column,
            texts=(tickets.customer_column, tickets.status_column, tickets.created_column),
        )
    if (notes := config.interactions) is not None:
        columns = _titled(notes, "key_column", "customer_column", "kind_column", "text_column", "created_column")
        found[INTERACTIONS] = _WantedView(
            wanted=Wanted(setting="Interactions", name=notes.table, columns=columns),
            key=notes.key_column,
            title=notes.kind_column,
            texts=(notes.customer_column, notes.text_column, notes.created_column),
        )
    if (articles := config.knowledge_base) is not None:
        columns = _titled(articles, "key_column", "title_column") | _numbered(articles.text_columns)
        found[KNOWLEDGE] = _WantedView(
            wanted=Wanted(setting="Knowledge base", name=articles.table, columns=columns),
            key=articles.key_column,
            title=articles.title_column,
            texts=articles.text_columns,
        )
    return found


def _wanted_customers(config: CustomerDbConfig) -> _WantedView:
    # The settings are validated: only the sample may lack these.
    table, key, title = config.table or "", config.key_column or "", config.title_column or ""
    columns = {"Key column": key, "Title column": title, **_numbered(config.text_columns)}
    if config.updated_column is not None:
        columns["Date column"] = config.updated_column
    return _WantedView(
        wanted=Wanted(setting="Table", name=table, columns=columns),
        key=key,
        title=title,
        texts=config.text_columns,
        updated=config.updated_column,
    )


def _titled(part: object, *fields: str) -> dict[str, str]:
    """The columns by the titles of their fields: `{"Key column": "id"}`."""
    titles = {name: field.title or name for name, field in type(part).model_fields.items()}  # type: ignore[attr-defined]  # a Part
    return {titles[name]: getattr(part, name) for name in fields}


def _numbered(names: Sequence[str]) -> dict[str, str]:
    return {f"Text columns ({number})": name for number, name in enumerate(names, 1)}


def describe_place(address: Address) -> str:
    """The database as its owner would name it, without its user."""
    if isinstance(address, FileAddress):
        return address.path.rsplit("/", 1)[-1]
    return f"{address.database} on {address.host}"
