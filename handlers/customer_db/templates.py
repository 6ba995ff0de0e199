"""The owner's own queries as tools: each with the values it declares, and no SQL from anyone else."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, create_model

from handlers.base import Hints, Tool
from handlers.customer_db.config import QueryParameter, QueryTemplate
from handlers.customer_db.source import DatabaseSource
from services.customer_database.queries import Value

MOST_ROWS: Final = 200
_TAKEN: Final[Mapping[str, Any]] = {
    "string": Annotated[str, Field(max_length=2_000)],
    "integer": Annotated[int, Field(ge=-(2**63), le=2**63 - 1)],
    "number": Annotated[float, Field(allow_inf_nan=False)],
    "boolean": bool,
}


class QueryAnswer(BaseModel):
    """The rows that a query found."""

    columns: Sequence[str] = Field(description="The names of the columns, empty if there are no rows.")
    rows: Sequence[Sequence[Value]] = Field(description="The rows, each with a value for every column.")
    complete: bool = Field(description=f"False if there are more than these; at most {MOST_ROWS} are told.")


@functools.lru_cache(maxsize=256)
def build_tool(template: QueryTemplate) -> Tool[Any, Any]:
    """The tool of a query; the same one for the same query, because its models are made here."""
    types = template.parameter_types

    async def run(source: DatabaseSource, arguments: BaseModel) -> QueryAnswer:
        values = arguments.model_dump()
        found = await source.database.run(template.sql, values, types, most=MOST_ROWS)
        return QueryAnswer(columns=found.columns, rows=found.rows, complete=found.complete)

    return Tool(
        name=template.name,
        title=template.title,
        description=template.description,
        arguments=_arguments(template),
        answer=QueryAnswer,
        hints=Hints(read_only=True, idempotent=True),
        run=run,
    )


def _arguments(template: QueryTemplate) -> type[BaseModel]:
    fields: dict[str, Any] = {parameter.name: _field(parameter) for parameter in template.parameters}
    strict = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    return create_model(f"Arguments_{template.name}", __config__=strict, **fields)


def _field(parameter: QueryParameter) -> tuple[Any, Any]:
    taken = _TAKEN[parameter.type]
    if parameter.required:
        return taken, Field(description=parameter.description)
    return taken | None, Field(None, description=parameter.description)
