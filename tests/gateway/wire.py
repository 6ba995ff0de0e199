"""MCP as it goes over the wire, for clients of every era without the SDK's help."""

from __future__ import annotations

import json
from typing import Any

import httpx2

LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"
ERAS = (*LEGACY, MODERN)
SAYS_ITS_VERSION = "2025-06-18"
"""From this revision on clients send MCP-Protocol-Version after the handshake."""

_ABOUT_US = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_NAMED = {"tools/call": "name", "resources/read": "uri", "prompts/get": "name"}


def message() -> dict[str, str]:
    """Headers of every MCP message."""
    return {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def initialize(version: str = "2025-11-25", id: Any = 1) -> dict[str, Any]:
    about = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
    return {"jsonrpc": "2.0", "id": id, "method": "initialize", "params": about}


def request(
    version: str, method: str, params: dict[str, Any] | None = None, id: Any = 1
) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of one request in a revision's own form."""
    headers = message()
    params = dict(params or {})
    if version == MODERN:
        headers |= {"MCP-Protocol-Version": version, "Mcp-Method": method}
        if method in _NAMED and isinstance(params.get(_NAMED[method]), str):
            headers["Mcp-Name"] = params[_NAMED[method]]
        params["_meta"] = {**params.get("_meta", {}), **_ABOUT_US}
    elif version >= SAYS_ITS_VERSION:
        headers["MCP-Protocol-Version"] = version
    return headers, {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


async def call(client: httpx2.AsyncClient, version: str, method: str, params: dict[str, Any] | None = None) -> Any:
    """The JSON-RPC reply to one request."""
    headers, body = request(version, method, params)
    return reply_in(await client.post("/mcp", json=body, headers=headers))


def reply_in(response: httpx2.Response) -> Any:
    """The last message of a reply, whether it came as JSON or as an event stream."""
    if response.headers["content-type"].startswith("text/event-stream"):
        return events(response.text)[-1]
    return response.json()


def events(text: str) -> list[Any]:
    """The messages of an event stream."""
    lines = [line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line]
