"""Trying a server out as an agent would use it, with the ranking explained."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event

from auth.access import SignedIn
from errors import GatehouseError
from federation.directory import ServedServer
from portal.api import views
from portal.api.dependencies import Person, Use
from portal.context import Portal
from schemas.answers import FetchAnswer, SourceReport
from schemas.problems import problem_of
from schemas.servers import TriedSearch, TryFetch, TrySearch

router = APIRouter(prefix="/mcp-servers/{server_id}", tags=["servers"])

_STREAM = "text/event-stream"


@router.post(
    "/search",
    response_model=TriedSearch,
    summary="Search as an agent would",
    responses={
        200: {"content": {_STREAM: {"schema": {"type": "string"}}}, "description": "The answer, or its making."}
    },
)
async def try_search(
    server_id: UUID, form: TrySearch, request: Request, portal: Use, person: Person
) -> TriedSearch | Response:
    """What an agent would get, and why in this order. With `Accept: text/event-stream`: one `source` event as each
    source finishes, then a `result`, or a `problem`."""
    server = await portal.servers.served(person, server_id)
    if _STREAM in request.headers.get("accept", ""):
        return EventSourceResponse(_events(portal, person, server, form.query))
    return views.tried_search(await portal.tries.search(person, server, form.query))


@router.post("/fetch", summary="Fetch as an agent would")
async def try_fetch(server_id: UUID, form: TryFetch, portal: Use, person: Person) -> FetchAnswer:
    server = await portal.servers.served(person, server_id)
    return await portal.tries.fetch(person, server, form.id)


async def _events(portal: Portal, person: SignedIn, server: ServedServer, query: str) -> AsyncIterator[bytes]:
    """Closed when the reader goes away, which stops the search."""
    finished: asyncio.Queue[SourceReport | None] = asyncio.Queue()

    async def report(source: SourceReport, _finished: int, _of: int) -> None:
        finished.put_nowait(source)

    search = asyncio.create_task(portal.tries.search(person, server, query, report), name="playground search")
    search.add_done_callback(lambda _: finished.put_nowait(None))
    try:
        while (source := await finished.get()) is not None:
            yield format_sse_event(event="source", data_str=source.model_dump_json(exclude_none=True))
        try:
            answer = views.tried_search(search.result())
        except GatehouseError as error:
            yield format_sse_event(event="problem", data_str=problem_of(error).model_dump_json(exclude_none=True))
        else:
            yield format_sse_event(event="result", data_str=answer.model_dump_json(exclude_none=True))
    finally:
        search.cancel()
