"""Whether a request is answered in one piece or by the part of the SDK that can also stream.

Before it knows which of the two it will be, the SDK prepares for a stream: two more tasks and a channel between them,
an eighth of what a search costs. A search of the stateless era that wants no progress has nothing to tell on the way,
and ends before the first sign of life would be due. So it is answered in one piece, by the same SDK.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.bodies import Body
from gateway.door import VISIT, Visit

_LONGEST_SILENCE: Final = timedelta(seconds=15)
"""After which the SDK sends a first sign of life, so that no proxy takes the connection for dead."""
_VERSIONS: Final = frozenset(version.encode() for version in MODERN_PROTOCOL_VERSIONS)
_WANTS_PROGRESS: Final = b"progressToken"
_STREAM: Final = b"text/event-stream"


class Replies:
    """`in_one_piece` and `streaming` are the same MCP server; either refuses what is wrong with a request."""

    def __init__(self, *, in_one_piece: ASGIApp, streaming: ASGIApp, largest_body_bytes: int) -> None:
        self._in_one_piece = in_one_piece
        self._streaming = streaming
        self._largest_body = largest_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_short_search(scope):
            await self._streaming(scope, receive, send)
            return
        body = await Body.read(receive, self._largest_body)
        if _WANTS_PROGRESS in body.content:
            await self._streaming(scope, body.receive, send)
        else:
            await _until_hung_up(self._in_one_piece, scope, body, receive, send)


def _is_short_search(scope: Scope) -> bool:
    """By its headers, which the SDK compares with the body."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    visit: Visit = scope[VISIT]
    return (
        headers.get(b"mcp-name") == b"search"
        and headers.get(b"mcp-method") == b"tools/call"
        and headers.get(b"mcp-protocol-version") in _VERSIONS
        and _STREAM in headers.get(b"accept", b"")
        and visit.server.deadline < _LONGEST_SILENCE
    )


async def _until_hung_up(app: ASGIApp, scope: Scope, body: Body, receive: Receive, send: Send) -> None:
    """Runs the application for this request, and cancels it when the client closes the connection."""
    work = asyncio.current_task()
    hung_up = False

    async def watch() -> None:
        nonlocal hung_up
        while (await receive())["type"] != "http.disconnect":
            pass
        hung_up = True
        if work is not None:
            work.cancel()

    watching = asyncio.create_task(watch(), name="watch for the client's end")
    try:
        await app(scope, body.receive, send)
    except asyncio.CancelledError:
        if work is None or not hung_up or work.uncancel() > 0:  # somebody else wants this task to end
            raise
    finally:
        watching.cancel()
