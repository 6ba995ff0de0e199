"""What the gateway is compared with: the official SDK's server and nothing else, giving a constant answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, TextContent

from bench.processes import Tell
from bench.sockets import Announcing, config_of, listening
from gateway.tools import SEARCH

Context = ServerRequestContext[Any, Any]

_NAME: Final = "bare"


def serve_bare(tell: Tell[tuple[str, int]], answer: dict[str, Any], *, lean: bool = False) -> None:
    """Tells its address, and answers every search with this answer until SIGTERM. As the SDK comes, it lists its tools
    at each call to compare headers with their schemas, and is ready to stream; `lean` switches both off."""
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    constant = CallToolResult(content=[TextContent(type="text", text=text)], structured_content=answer)

    async def list_tools(_context: Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[SEARCH])

    async def call_tool(_context: Context, _params: CallToolRequestParams) -> CallToolResult:
        return constant

    server: Server[Any] = Server(
        _NAME,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        get_tool_input_schema=(lambda _name: None) if lean else None,
    )
    sessions = StreamableHTTPSessionManager(server, stateless=True, json_response=lean)
    with listening() as opened:
        serving = Announcing(config_of(StreamableHTTPASGIApp(sessions)), lambda: tell(opened.getsockname()))

        async def serve() -> None:
            async with sessions.run():
                await serving.serve([opened])

        with asyncio.Runner(loop_factory=serving.config.get_loop_factory()) as runner:
            runner.run(serve())
