"""What an agent does at a gateway, with the official MCP SDK: list the tools, search, fetch every hit.

.venv/bin/python examples/agent.py http://localhost:8001/mcp gh_... "active customers"
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Literal

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

Era = Literal["auto", "legacy"]


async def main(url: str, key: str, query: str, era: Era) -> None:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=era) as client,
    ):
        print(f"Protocol {client.protocol_version}")
        print("Tools:", ", ".join(tool.name for tool in (await client.list_tools()).tools))
        found = await call(client, "search", query=query)
        for report in found["sources"]:
            print(f"{report['source']}: {report['status']}, {report['results']} results in {report['took_ms']} ms")
        for result in found["results"]:
            document = await call(client, "fetch", id=result["id"])
            print(f"- {document['title']} [{document['id']}]: {len(document['text'])} characters")


async def call(client: Client, tool: str, **arguments: str) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        raise SystemExit(result.content)
    answer: dict[str, Any] = result.structured_content
    return answer


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        raise SystemExit(__doc__)
    era: Era = "legacy" if sys.argv[4:] == ["legacy"] else "auto"
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], era))
