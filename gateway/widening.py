"""An agent that may only read calls a tool that changes something: it is told what to ask its person for."""

from __future__ import annotations

import json
from typing import Any, Final

from mcp_types import CallToolResult, TextContent
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from federation.federation import Federation
from gateway.bodies import Body
from gateway.discovery import insufficient_scope
from gateway.door import VISIT, Visit

_SAID: Final = (
    "This tool changes something, and the agent was only allowed to read. Let the agent ask for mcp:write, or connect "
    "it again and allow changes."
)


def needs_more(visit: Visit) -> CallToolResult:
    """The challenge as a tool's result, which ChatGPT reads (its documentation on authentication, tool-level login)."""
    return CallToolResult(
        content=[TextContent(type="text", text=_SAID)],
        is_error=True,
        _meta={"mcp/www_authenticate": [f'{insufficient_scope(visit.server)}, error_description="{_SAID}"']},
    )


class Widening:
    """Answers such calls with 403 and the challenge (MCP authorization, "Runtime Insufficient Scope Errors"), and with
    the tool's result as its body. Only the bodies of agents that could ask for more are read for it, in full before
    anything is answered; all others pass as they are."""

    def __init__(self, app: ASGIApp, federation: Federation, largest_body_bytes: int) -> None:
        self._app = app
        self._federation = federation
        self._largest_body = largest_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit: Visit = scope[VISIT]
        if not visit.agent.may_widen or not self._writing_tools(visit):
            await self._app(scope, receive, send)
            return
        body = await Body.read(receive, self._largest_body)
        refusal = self._refuse(visit, body.content)
        await (refusal or self._app)(scope, body.receive, send)

    def _writing_tools(self, visit: Visit) -> frozenset[str]:
        every = {offer.name for offer in self._federation.tools(visit.server, may_write=True)}
        return frozenset(every - {offer.name for offer in self._federation.tools(visit.server, may_write=False)})

    def _refuse(self, visit: Visit, body: bytes) -> Response | None:
        try:
            message: Any = json.loads(body)
        except (ValueError, RecursionError):
            return None  # the application says what is wrong with it
        if not isinstance(message, dict) or message.get("method") != "tools/call":
            return None
        parameters = message.get("params")
        name = parameters.get("name") if isinstance(parameters, dict) else None
        if not isinstance(name, str) or name not in self._writing_tools(visit):
            return None
        result = needs_more(visit).model_dump(mode="json", by_alias=True, exclude_none=True)
        reply = {"jsonrpc": "2.0", "id": message.get("id"), "result": result}
        return JSONResponse(reply, 403, headers={"WWW-Authenticate": insufficient_scope(visit.server)})
