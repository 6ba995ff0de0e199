"""The audit trail."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from portal.api import views
from portal.api.dependencies import Part, Person, Use
from schemas.activity import Activity
from schemas.listing import Listing

router = APIRouter(tags=["activity"])

_COLUMNS = (
    "occurred_at",
    "actor",
    "actor_id",
    "action",
    "server_id",
    "target",
    "outcome",
    "took_ms",
    "results",
    "address",
    "agent",
)


@router.get(
    "/activity",
    response_model=Listing[Activity],
    summary="What happened",
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A page of the trail."}},
)
async def list_activity(
    portal: Use,
    person: Person,
    part: Part,
    action: Annotated[
        str | None, Query(max_length=40, pattern="^[a-z_.]+$", description="Only this, as in tool.called.")
    ] = None,
    server_id: Annotated[UUID | None, Query(description="Only about this server.")] = None,
    format: Annotated[Literal["json", "csv"], Query(description="csv: the same page as a table.")] = "json",
) -> Listing[Activity] | Response:
    """Sign-ins, changes and what agents called, newest first; never a query, a title or a text."""
    page = await portal.activity.list_mine(person, part, action=action, server_id=server_id)
    rows = views.listing(page, views.activity)
    return rows if format == "json" else _table(rows)


def _table(rows: Listing[Activity]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in rows.items:
        values = row.model_dump(mode="json")
        writer.writerow([_harmless(values[column]) for column in _COLUMNS])
    headers = {"Content-Disposition": 'attachment; filename="activity.csv"', "Cache-Control": "no-store"}
    if rows.next is not None:
        headers["Link"] = f'<?format=csv&cursor={rows.next}>; rel="next"'
    return Response(text.getvalue(), media_type="text/csv", headers=headers)


def _harmless(value: object) -> str:
    """A cell that a spreadsheet does not run: agents choose how they call themselves."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
