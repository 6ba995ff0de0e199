"""A small Snowflake account: tables that SQLite searches, a search service over one of them, and an analyst."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from starlette.responses import JSONResponse, Response

from handlers.base import DatabaseRules, Lent
from services.egress import Egress, HostPolicy
from tests.services.snowflake.stand_in import Asked, Columns, StandIn, Warehouse, refused

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PAT = "pat-canary-19ab"
ROLE = "GATEHOUSE_READER"

SERVICE_SETTINGS: Mapping[str, Any] = {
    "account_url": "https://example-main.snowflakecomputing.com",
    "pat": PAT,
    "role": ROLE,
    "database": "docs",
    "schema": "public",
    "search_service": "handbook",
    "id_column": "id",
    "title_column": "title",
    "url_column": "url",
}
TABLE_SETTINGS: Mapping[str, Any] = {
    "account_url": "https://example-main.snowflakecomputing.com",
    "pat": PAT,
    "role": ROLE,
    "database": "docs",
    "schema": "public",
    "table": "pages",
    "id_column": "id",
    "title_column": "title",
    "text_columns": ["body"],
    "order_column": "part",
    "url_template": "https://docs.example.com/pages/{id}",
    "warehouse": "reading",
}

PAGE_TYPES = {"ID": "text", "TITLE": "text", "BODY": "text", "URL": "text", "REGION": "text", "PART": "fixed"}
Page = tuple[str | None, str | None, str | None, str | None, str | None, int | None]
PAGES: Sequence[Page] = (
    ("p/1", "Refund policy", "A refund is paid within 14 days.", "https://docs.example.com/p1", "EMEA", 1),
    ("p/1", "Refund policy", "A refund above 500 EUR needs a manager.", "https://docs.example.com/p1", "EMEA", 2),
    ("2", "Travel policy", "Trains before planes. Keep every receipt.", "javascript:alert(1)", "APAC", 1),
    ("3", None, "Receipts for a refund go to accounting.", None, "EMEA", 1),
    ("4", "100% remote_work!", "Ask your manager about a desk.", "ftp://docs.example.com/4", None, None),
)


@dataclass
class Account:
    """Answers as the account would. Everything in it may be changed by a test."""

    pages: Sequence[Page] = PAGES
    types: Mapping[str, str] = field(default_factory=lambda: dict(PAGE_TYPES))
    attributes: Sequence[str] = ("ID", "REGION", "PART")
    search_column: str | None = "BODY"
    serving_state: str = "ACTIVE"
    who: Mapping[str, str | None] = field(
        default_factory=lambda: {"CURRENT_ROLE()": ROLE, "CURRENT_WAREHOUSE()": "READING"}
    )
    analysis: Response | None = None
    figures: Callable[[str, Sequence[str | int]], Columns | Response] | None = None
    """What the analyst's SQL gives."""
    fault: Callable[[Asked], Response | None] = lambda _: None
    stand_in: StandIn = field(init=False)
    warehouse: Warehouse = field(init=False)

    def __post_init__(self) -> None:
        self.stand_in = StandIn(self._answer)
        self.warehouse = Warehouse(self._run)

    @property
    def asked(self) -> list[Asked]:
        return self.stand_in.asked

    def _answer(self, asked: Asked) -> Response:
        spoilt = self.fault(asked)
        if spoilt is not None:
            return spoilt
        if asked.path.startswith("/api/v2/statements"):
            return self.warehouse(asked)
        if asked.path == "/api/v2/cortex/analyst/message":
            return self.analysis or refused(404)
        if asked.path == "/api/v2/databases/DOCS/schemas/PUBLIC/cortex-search-services/HANDBOOK":
            return self._describe()
        if asked.path == "/api/v2/databases/DOCS/schemas/PUBLIC/cortex-search-services/HANDBOOK:query":
            return self._query(asked.body)
        return refused(404)

    # Cortex Search

    def _describe(self) -> Response:
        description = {
            "search_column": self.search_column,
            "columns": list(self.types),
            "attribute_columns": list(self.attributes),
            "serving_state": self.serving_state,
        }
        return JSONResponse(description)

    def _query(self, body: Mapping[str, Any]) -> Response:
        rows = [dict(zip(self.types, page, strict=True)) for page in self.pages]
        if "filter" in body:
            ((column, value),) = body["filter"]["@eq"].items()
            has_numbers = self.types[column] == "fixed"
            if column not in self.attributes or has_numbers != isinstance(value, int):
                return refused(400, "399108")
            rows = [row for row in rows if row[column] == value]
        else:
            words = re.findall(r"\w{4,}", body["query"].lower())
            scores = [sum(str(row["BODY"]).lower().count(word) for word in words) for row in rows]
            ranked = sorted(zip(scores, range(len(rows)), strict=True), key=lambda pair: (-pair[0], pair[1]))
            rows = [rows[place] for score, place in ranked if score]
        found = [{name: row[name] for name in body["columns"]} for row in rows[: body.get("limit", 10)]]
        return JSONResponse(
            {"results": [{**row, "@scores": {"reranker_score": 1.0}} for row in found], "request_id": "r"}
        )

    # SQL

    def _run(self, sql: str, values: Sequence[str | int]) -> Columns | Response:
        if "current_role()" in sql:
            return Columns([(name, "text") for name in self.who], [list(self.who.values())])
        if sql.startswith(("select COLUMN_NAME", "with FOLDED", 'select "')):
            return self._search(sql, values)
        return self.figures(sql, values) if self.figures is not None else refused(422, "001003")

    def _search(self, sql: str, values: Sequence[str | int]) -> Columns | Response:
        with sqlite3.connect(":memory:") as database:
            self._fill(database)
            local = sql.replace('"DOCS"."PUBLIC".', "").replace('"DOCS".INFORMATION_SCHEMA.COLUMNS', '"COLUMNS"')
            cursor = database.execute(local, values)
            names = [entry[0] for entry in cursor.description]
            rows = [[None if cell is None else str(cell) for cell in row] for row in cursor]
        database.close()
        return Columns([(name, self.types.get(name, "text")) for name in names], rows)

    def _fill(self, database: sqlite3.Connection) -> None:
        declared = ", ".join(f'"{name}"' for name in self.types)
        database.execute(f'create table "PAGES" ({declared})')
        database.executemany(f'insert into "PAGES" values ({", ".join("?" * len(self.types))})', self.pages)  # noqa: S608 - our own
        database.execute('create table "COLUMNS" (TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE)')
        for name, kind in self.types.items():
            data_type = "NUMBER" if kind.startswith("fixed") else kind.upper()
            database.execute('insert into "COLUMNS" values (?, ?, ?, ?)', ("PUBLIC", "PAGES", name, data_type))


class Wired(Egress):
    """Leads every client to one app, and remembers what it was asked to allow."""

    def __init__(self, app: StandIn) -> None:
        super().__init__()
        self.app = app
        self.policies: list[HostPolicy] = []
        self.clients: list[httpx2.AsyncClient] = []

    def client(self, policy: HostPolicy) -> httpx2.AsyncClient:
        self.policies.append(policy)
        self.clients.append(httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app)))
        return self.clients[-1]


def lent_by(account: Account, folder: Path) -> Lent:
    return Lent(clock=lambda: NOW, folder=folder, databases=DatabaseRules(), egress=Wired(account.stand_in))
