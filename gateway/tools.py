"""What tools/list shows: search and fetch first, then the sources' own tools under their names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from mcp_types import Tool, ToolAnnotations
from pydantic import BaseModel

from auth.agents import READ, WRITE
from federation.federation import OfferedTool
from schemas.answers import FetchAnswer, SearchAnswer

_READS: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_CHANGES: Final = [{"type": "oauth2", "scopes": [READ, WRITE]}]
"""What a tool that changes something needs, where ChatGPT looks for it (its documentation on authentication)."""


def _one_string(name: str, description: str) -> dict[str, Any]:
    """The input schemas are checked by clients: exactly these inputs, no more."""
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": description}},
        "required": [name],
        "additionalProperties": False,
    }


SEARCH: Final = Tool(
    name="search",
    title="Search",
    description="Searches all connected sources at once and returns the best hits, each with an id for fetch, and a "
    "report of which sources answered. Where a source did not answer, its results are missing: say so.",
    input_schema=_one_string("query", "What to look for, in plain words. Long questions are fine."),
    output_schema=SearchAnswer.model_json_schema(),
    annotations=_READS,
)
FETCH: Final = Tool(
    name="fetch",
    title="Fetch",
    description="Returns the full text of one search result, with the page to cite.",
    input_schema=_one_string("id", "The id of a search result, exactly as search returned it."),
    output_schema=FetchAnswer.model_json_schema(),
    annotations=_READS,
)


def listed(offers: Sequence[OfferedTool]) -> list[Tool]:
    """The same list for the same offers."""
    return [SEARCH, FETCH, *(_tool(offer) for offer in offers)]


def _tool(offer: OfferedTool) -> Tool:
    tool = offer.tool
    arguments: type[BaseModel] = tool.arguments
    return Tool(
        name=offer.name,
        title=f"{tool.title} ({offer.served.name})",
        description=tool.description,
        input_schema=_schema(arguments),
        output_schema=_schema(tool.answer),
        annotations=ToolAnnotations(
            read_only_hint=tool.hints.read_only,
            destructive_hint=tool.hints.destructive,
            idempotent_hint=tool.hints.idempotent,
            open_world_hint=False,
        ),
        _meta=None if tool.hints.read_only else {"securitySchemes": _CHANGES},
    )


@cache  # as many entries as there are models in the code
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()
