"""Cortex Search: what a service consists of, and what it finds.

Facts: cortex-search-service.yaml of snowflakedb/snowflake-rest-api-specs, and docs.snowflake.com, "Query a Cortex
Search Service".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from pydantic import JsonValue

from errors import SourceUnavailable
from services.snowflake.account import Account, Reply, Request, Success
from services.snowflake.names import in_url

MOST_RESULTS: Final = 1_000

_MISSING: Final = (
    "Snowflake finds no such Cortex Search service, or the role may not use it. Check database, schema and search "
    "service in the settings, and grant the role USAGE on all three."
)
_REJECTED: Final = (
    "The Cortex Search service rejected the request. Check the names of the columns in the settings: the ID column "
    "must be one of the service's attributes."
)


@dataclass(frozen=True, slots=True)
class ServiceName:
    """Where a service stands; names as they are stored."""

    database: str
    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service's own description."""

    search_column: str | None
    """None where several columns are searched (TEXT INDEXES)."""
    columns: Sequence[str]
    """All that a search can return."""
    attribute_columns: Sequence[str]
    """Those that a filter may name."""
    is_serving: bool


@dataclass(frozen=True, slots=True)
class Equals:
    """The filter `@eq`: a value of text for text columns, a number for numeric ones."""

    column: str
    value: str | int


class _Description(Reply):
    search_column: str | None = None
    columns: tuple[str, ...] = ()
    attribute_columns: tuple[str, ...] | None = None
    serving_state: str | None = None


class _Results(Reply):
    results: tuple[dict[str, JsonValue], ...]


class CortexSearch:
    """One search service."""

    def __init__(self, account: Account, service: ServiceName) -> None:
        self._account = account
        self._path = (
            f"/api/v2/databases/{in_url(service.database)}/schemas/{in_url(service.schema)}"
            f"/cortex-search-services/{in_url(service.name)}"
        )

    async def describe(self) -> Service:
        """Raises NotGranted where there is no such service for this token, and the other SourceErrors."""
        request = Request(method="GET", path=self._path, missing=_MISSING, rejected=_REJECTED)
        description = (await self._answer(request)).read(_Description)
        return Service(
            search_column=description.search_column,
            columns=description.columns,
            attribute_columns=description.attribute_columns or (),
            is_serving=description.serving_state not in ("SUSPENDED", "INITIALIZING"),
        )

    async def query(
        self,
        text: str,
        *,
        columns: Sequence[str],
        limit: int,
        only: Equals | None = None,
        is_ranked: bool = True,
    ) -> Sequence[Mapping[str, str]]:
        """Up to `limit` rows (1,000 at most), best first, each with those of the columns that it has, as text.

        With `is_ranked=False` the reranker is left out: faster, for when the filter alone decides. Raises
        StatementRejected for a filter on what is no attribute, or of another type than the column.
        """
        body: dict[str, JsonValue] = {"query": text, "columns": list(columns), "limit": min(limit, MOST_RESULTS)}
        if only is not None:
            body["filter"] = {"@eq": {only.column: only.value}}
        if not is_ranked:
            body["scoring_config"] = {"reranker": "none"}
        request = Request(method="POST", path=f"{self._path}:query", body=body, missing=_MISSING, rejected=_REJECTED)
        rows = (await self._answer(request)).read(_Results).results
        wanted = set(columns)
        return [
            {name: _as_text(value) for name, value in row.items() if name in wanted and value is not None}
            for row in rows
        ]

    async def _answer(self, request: Request) -> Success:
        reply = await self._account.send(request)
        if reply.status == HTTPStatus.ACCEPTED:
            raise SourceUnavailable("Snowflake is still preparing its answer. Try again later.")
        return reply


def _as_text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
