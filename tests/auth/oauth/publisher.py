"""A host on a small internet of its own that publishes the documents of agents."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from services.egress import Egress
from tests.services.egress.network import PUBLIC, Authority, FakeNetwork, Listener, listening

HOST = "agent.example.com"
ID = f"https://{HOST}/oauth/client.json"
HOSTS = (HOST, "other.example.com", "chatgpt.com", "claude.ai", "vscode.dev")

Names = Mapping[str, Sequence[str] | Sequence[Sequence[str]]]


def document(client_id: str = ID, **changes: Any) -> dict[str, Any]:
    """A document with nothing wrong about it; a field set to None is left out."""
    fields = {
        "client_id": client_id,
        "client_name": "Example Agent",
        "redirect_uris": [f"https://{HOST}/callback", "http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


@dataclass
class Publisher:
    """`egress` leads to it under every name of HOSTS, and to nothing else."""

    listener: Listener
    network: FakeNetwork
    egress: Egress

    def publish(
        self, fields: Mapping[str, Any] | bytes, *, path: str = "/oauth/client.json", status: int = 200, **headers: str
    ) -> None:
        """Headers are written with underscores; `content_type=""` leaves that one out."""
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        named = {"content_type": "application/json", "content_length": str(len(body)), **headers}
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items() if value]
        head = f"HTTP/1.1 {status} Reply\r\n{''.join(lines)}Connection: close\r\n\r\n"
        self.listener.replies[path] = head.encode() + body

    @property
    def asked(self) -> list[str]:
        """The first line of each request that arrived."""
        return [request.partition("\r\n")[0] for request in self.listener.requests]


@asynccontextmanager
async def publishing(authority: Authority, names: Names | None = None) -> AsyncIterator[Publisher]:
    async with listening(authority.server_context(HOSTS)) as listener:
        network = FakeNetwork(listener, {host: [PUBLIC] for host in HOSTS} | dict(names or {}))
        yield Publisher(listener, network, Egress(network=network.network(), tls=authority.client_context()))


@asynccontextmanager
async def dripping(tls: ssl.SSLContext) -> AsyncIterator[Listener]:
    """Begins well, then sends a byte now and then, for ever."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{")
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    listener = Listener(server.sockets[0].getsockname()[1])
    async with server:
        yield listener
