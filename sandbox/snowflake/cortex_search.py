"""Cortex Search: the description of a service, and rows by relevance.

"Query a Cortex Search service" (Snowflake docs). The vendor ranks by meaning and by words; here it is words alone,
with English endings taken off. As there, every row has a rank: where too few rows share a word with the question,
others follow, with low scores.
"""

from __future__ import annotations

import itertools
import json
import operator
import uuid
from collections.abc import Callable, Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.snowflake.errors import refusal
from sandbox.words import STEMMED, WordIndex, quoted, words_of
from sandbox.world import Cell, SearchService, Table, World

MOST_RESULTS: Final = 1000
Row = Mapping[str, Cell]


class _Query(BaseModel):
    model_config = ConfigDict(frozen=True)

    query: str
    columns: tuple[str, ...] = ()
    filter: Mapping[str, object] | None = None
    limit: int = 10
    scoring_config: Mapping[str, object] = {}


class CortexSearch:
    """The services of the world, each indexed when it is first asked."""

    def __init__(self, world: World) -> None:
        tables = {(table.database, table.schema, table.name): table for table in world.tables}
        self._services = {
            (service.database, service.schema, service.name): _Service(
                service, tables[service.database, service.schema, service.table], world.credentials.snowflake.warehouse
            )
            for service in world.search_services
        }

    async def describe(self, request: Request) -> Response:
        return JSONResponse(self._get(request).description())

    async def list_services(self, request: Request) -> Response:
        place = (request.path_params["database"].upper(), request.path_params["schema"].upper())
        return JSONResponse([service.description() for key, service in self._services.items() if key[:2] == place])

    async def query(self, request: Request) -> Response:
        service = self._get(request)
        try:
            asked = _Query.model_validate_json(await request.body())
        except ValidationError as error:
            raise refusal(400, "399115", "The request body is not a valid query.") from error
        if not 1 <= asked.limit <= MOST_RESULTS:
            raise refusal(400, "399115", f"The limit must be between 1 and {MOST_RESULTS}.")
        return JSONResponse({"results": service.results(asked), "request_id": str(uuid.uuid4())})

    def _get(self, request: Request) -> _Service:
        names = [request.path_params[part].upper() for part in ("database", "schema", "name")]
        found = self._services.get((names[0], names[1], names[2]))
        if found is None:
            text = f"Cortex Search Service {'.'.join(names)} does not exist or not authorized."
            raise refusal(404, "399108", text)
        return found


class _Service:
    def __init__(self, service: SearchService, table: Table, warehouse: str) -> None:
        self._service = service
        self._warehouse = warehouse
        names = [column.name for column in table.columns]
        self._rows: list[Row] = [dict(zip(names, row, strict=True)) for row in table.rows]
        self._words: WordIndex | None = None

    def description(self) -> dict[str, object]:
        service = self._service
        place = f"{service.database}.{service.schema}.{service.table}"
        return {
            "name": service.name,
            "database_name": service.database,
            "schema_name": service.schema,
            "search_column": service.search_column,
            "columns": list(service.columns),
            "attribute_columns": list(service.attribute_columns),
            "target_lag": {"type": "USER_DEFINED", "seconds": 3600},
            "warehouse": self._warehouse,
            "definition": f"SELECT {', '.join(service.columns)} FROM {place}",  # noqa: S608 - shown, never run
            "comment": "",
            "created_on": "2026-01-05T08:00:00Z",
            "data_timestamp": "2026-11-20T06:00:00Z",
            "source_data_num_rows": len(self._rows),
            "indexing_state": "ACTIVE",
            "serving_state": "ACTIVE",
        }

    def results(self, asked: _Query) -> list[dict[str, object]]:
        """At most `limit` rows, best first, with `@scores`. Refuses columns that the service does not have."""
        columns = [name.upper() for name in asked.columns] or [self._service.search_column]
        for name in columns:
            if name not in self._service.columns:
                raise refusal(400, "399113", f"Column '{name}' is not part of the Cortex Search Service.")
        keep = _predicate(asked.filter, self._service.attribute_columns) if asked.filter else _everything
        is_reranked = asked.scoring_config.get("reranker") != "none"
        kept = ((number, score) for number, score in self._ranked(asked.query) if keep(self._rows[number]))
        return [
            {name: self._shown(number, name) for name in columns} | {"@scores": _scores(score, reranked=is_reranked)}
            for number, score in itertools.islice(kept, asked.limit)
        ]

    def _shown(self, number: int, name: str) -> str | None:
        value = self._rows[number][name]
        return None if value is None else str(value)

    def _ranked(self, query: str) -> list[tuple[int, float]]:
        """All rows with their BM25 score; those that share no word with the query last, in their own order."""
        if self._words is None:
            column = self._service.search_column
            self._words = WordIndex(("text",), ((str(row[column] or ""),) for row in self._rows), tokenizer=STEMMED)
        words = dict.fromkeys(words_of(query))
        if not words:
            return [(number, 0.0) for number in range(len(self._rows))]
        expression = " OR ".join(quoted(word) for word in words)
        ranked = self._words.ranked(expression, weights=(1.0,), limit=len(self._rows))
        found = {number for number, _ in ranked}
        return ranked + [(number, 0.0) for number in range(len(self._rows)) if number not in found]


def _scores(score: float, *, reranked: bool) -> dict[str, float]:
    """Figures of the vendor's kind: neither comparable between services nor with anything else."""
    closeness = score / (score + 10)
    scores = {"cosine_similarity": round(0.2 + 0.6 * closeness, 6), "text_match": round(score / 1000, 8)}
    return scores | ({"reranker_score": round(8 * closeness - 4, 6)} if reranked else {})


def _everything(_row: Row) -> bool:
    return True


_COMPARISONS: Final[dict[str, Callable[[str, str], bool]]] = {
    "@eq": operator.eq,
    "@gte": operator.ge,
    "@lte": operator.le,
}


def _predicate(filter: Mapping[str, object], attributes: tuple[str, ...]) -> Callable[[Row], bool]:
    """A filter with one operator: @eq, @contains, @gte, @lte, @and, @or, @not. Refuses others, and other columns."""
    if len(filter) != 1:
        raise _bad_filter(filter)
    ((name, value),) = filter.items()
    if name in {"@and", "@or"} and isinstance(value, list) and all(isinstance(part, dict) for part in value):
        parts = [_predicate(part, attributes) for part in value]
        return lambda row: (all if name == "@and" else any)(part(row) for part in parts)
    if name == "@not" and isinstance(value, dict):
        part = _predicate(value, attributes)
        return lambda row: not part(row)
    if not isinstance(value, dict) or len(value) != 1:
        raise _bad_filter(filter)
    ((column, wanted),) = value.items()
    column = column.upper()
    if column not in attributes:
        raise refusal(400, "399114", f"Column '{column}' is not an attribute of the Cortex Search Service.")
    if name == "@contains":
        return lambda row: str(wanted) in _listed(row[column])
    if name not in _COMPARISONS:
        raise _bad_filter(filter)
    compare = _COMPARISONS[name]
    return lambda row: row[column] is not None and _compared(compare, row[column], wanted)


def _compared(compare: Callable[..., bool], value: Cell, wanted: object) -> bool:
    """As numbers where both are, else as text."""
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return compare(value, wanted)
    return compare(str(value), str(wanted))


def _listed(value: Cell) -> list[str]:
    """The elements of an ARRAY column, kept as JSON text; a plain value is its own only element."""
    try:
        found = json.loads(str(value))
    except ValueError:
        return [str(value)]
    return [str(part) for part in found] if isinstance(found, list) else [str(value)]


def _bad_filter(filter: Mapping[str, object]) -> Exception:
    return refusal(400, "399115", f"The filter {json.dumps(filter)[:200]} is not valid.")
