"""The audit trail, and what it adds up to."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from portal.actions.activity import Summary
from portal.api import views
from portal.api.dependencies import Part, Person, Use
from repositories.audit import Filters
from schemas.activity import Activity, ActivityStats, AgentStats, Bucket, SourceStats
from schemas.listing import Listing

router = APIRouter(prefix="/activity", tags=["activity"])

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

Since = Annotated[AwareDatetime | None, Query(alias="from", description="From this moment on: 2026-10-02T09:00:00Z.")]
Until = Annotated[AwareDatetime | None, Query(alias="to", description="Before this moment.")]
OfServer = Annotated[UUID | None, Query(description="Only about this server.")]


def filters(
    since: Since = None,
    until: Until = None,
    action: Annotated[
        str | None, Query(max_length=40, pattern="^[a-z_.]+$", description="Only this, as in tool.called.")
    ] = None,
    outcome: Annotated[
        str | None, Query(max_length=20, pattern="^[a-z_]+$", description="Only what ended so, as in ok.")
    ] = None,
    server_id: OfServer = None,
) -> Filters:
    return Filters(since=since, until=until, action=action, outcome=outcome, server_id=server_id)


@router.get(
    "",
    response_model=Listing[Activity],
    summary="What happened",
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A page of the trail."}},
)
async def list_activity(
    portal: Use,
    person: Person,
    part: Part,
    wanted: Annotated[Filters, Depends(filters)],
    format: Annotated[
        Literal["json", "csv"], Query(description="csv: everything that fits, not a page of it, as a table.")
    ] = "json",
) -> Listing[Activity] | Response:
    """Sign-ins, changes and what agents called, newest first; never a query, a title or a text. Owners see what happens
    at their servers, members what they and their agents do there."""
    if format == "csv":
        return _table(views.activity(row) async for rows in portal.activity.every_mine(person, wanted) for row in rows)
    return views.listing(await portal.activity.list_mine(person, part, wanted), views.activity)


@router.get("/stats", summary="What it adds up to")
async def activity_stats(
    portal: Use, person: Person, since: Since = None, until: Until = None, server_id: OfServer = None
) -> ActivityStats:
    """Calls over time, how long each source took and how often it failed, and the busiest agents; of the last seven
    days unless said otherwise."""
    return _stats(await portal.activity.summarise(person, since=since, until=until, server_id=server_id))


def _table(rows: AsyncIterator[Activity]) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="activity.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_lines(rows), media_type="text/csv", headers=headers)


async def _lines(rows: AsyncIterator[Activity]) -> AsyncIterator[str]:
    yield _line(_COLUMNS)
    async for row in rows:
        values = row.model_dump(mode="json")
        yield _line([_harmless(values[column]) for column in _COLUMNS])


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _harmless(value: object) -> str:
    """A cell that a spreadsheet does not run: agents choose how they call themselves."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _stats(summary: Summary) -> ActivityStats:
    return ActivityStats(
        since=summary.since,
        until=summary.until,
        bucket_s=int(summary.bucket.total_seconds()),
        calls=sum(one.calls for one in summary.buckets),
        searches=sum(one.searches for one in summary.buckets),
        failed=sum(one.failed for one in summary.buckets),
        buckets=[
            Bucket(
                at=summary.first + summary.bucket * one.number,
                calls=one.calls,
                searches=one.searches,
                failed=one.failed,
            )
            for one in summary.buckets
        ],
        sources=[
            SourceStats.model_validate(
                {
                    "key": one.key,
                    "asked": one.asked,
                    "answered": one.by_status.get("ok", 0),
                    "errors": {status: count for status, count in one.by_status.items() if status != "ok"},
                    "p50_ms": one.p50_ms,
                    "p95_ms": one.p95_ms,
                }
            )
            for one in summary.sources
        ],
        agents=[
            AgentStats(
                actor=one.actor,
                actor_id=one.actor_id,
                server_id=one.server_id,
                calls=one.calls,
                failed=one.failed,
                last_at=one.last_at,
            )
            for one in summary.agents
        ],
    )
