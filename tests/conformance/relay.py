"""What stands between the conformance runner and the Gatehouse: it says what the runner cannot."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PROGRESS_TOOL: Final = "test_tool_with_progress"
_PROGRESS_CALL: Final = b'"name":"test_tool_with_progress","arguments":{}'
_SEARCH_CALL: Final = b'"name":"search","arguments":{"query":"anything"}'


class Relay:
    """Adds the key, because the runner sends no Authorization header. Calls search for the tool that is to report its
    progress: here search does, once per source, and no other tool. Everything else passes as it came."""

    def __init__(self, app: ASGIApp, key: str | None) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = await Request(scope, receive).body()
        body = asked.replace(_PROGRESS_CALL, _SEARCH_CALL)
        headers = MutableHeaders(scope=scope)
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        if body != asked:
            headers["Content-Length"] = str(len(body))
        if headers.get("Mcp-Name") == _PROGRESS_TOOL:
            headers["Mcp-Name"] = "search"
        unread: list[Message] = [{"type": "http.request", "body": body}]

        async def replay() -> Message:
            return unread.pop() if unread else await receive()

        await self._app(scope, replay, send)
