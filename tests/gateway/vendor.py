"""A vendor on loopback that answers as its caller's path says, with every trouble a vendor can make, and sources that
ask it over real connections through the egress guard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx2

from errors import SourceRateLimited, SourceUnauthorized, SourceUnavailable
from handlers.base import Hit, SearchQuery
from services.egress import Egress, HostPolicy
from tests.scripted import Script, hit
from tests.stand import ports

KINDS = ("ok", "slow", "hung", "drip", "401", "429", "500", "refused")
STATUS = {
    "ok": "ok",
    "slow": "ok",
    "hung": "timeout",
    "drip": "timeout",
    "401": "unauthorized",
    "429": "rate_limited",
    "500": "unavailable",
    "refused": "unavailable",
    "cut": "unavailable",
    "half": "unavailable",
}
"""What a source of ours is reported as, by what its vendor does."""
SLOW_S = 0.1


@dataclass
class Vendor:
    """`ask(kind, name)` is a source; `open_connections` are those that its callers hold."""

    origin: str
    client: httpx2.AsyncClient
    closed_port: int
    connections: set[asyncio.Task[None]] = field(default_factory=set)
    asked: int = 0

    def source(self, name: str, kind: str) -> Script:
        origin = f"http://127.0.0.1:{self.closed_port}" if kind == "refused" else self.origin

        async def search(query: SearchQuery) -> Sequence[Hit]:
            try:
                reply = await self.client.get(f"{origin}/{kind}", params={"q": query.text})
            except httpx2.TransportError as error:
                raise SourceUnavailable(f"{name} cannot be reached.") from error
            match reply.status_code:
                case 200:
                    return [hit(f"{name}-{number}") for number in reply.json()]
                case 401:
                    raise SourceUnauthorized(f"{name} refused the token. Reconnect it under Sources.")
                case 429:
                    raise SourceRateLimited(f"{name} wants fewer requests.")
                case _:
                    raise SourceUnavailable(f"{name} failed.")

        return Script(searching=search)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection. A caller that hangs up ends what it was being told."""
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        try:
            while head := await _head(reader):
                telling = asyncio.create_task(self._tell(head.split()[1].split(b"?")[0].decode()[1:], writer))
                leaving = asyncio.create_task(reader.read(1))
                await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
                gone = leaving.done()
                for one in (telling, leaving):
                    one.cancel()
                    with suppress(asyncio.CancelledError, ConnectionError):
                        await one
                if gone or writer.is_closing():
                    return
        finally:
            self.connections.discard(task)
            writer.close()

    async def _tell(self, kind: str, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        body = json.dumps([1, 2]).encode()
        status = kind if kind.isdigit() else "200"
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        match kind:
            case "hung":
                await asyncio.Event().wait()
            case "slow":
                await asyncio.sleep(SLOW_S)
            case "drip":
                for byte in head + body:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0.05)
                return
            case "half":  # says no more, and hears on
                writer.write(head)
                writer.write_eof()
                await asyncio.Event().wait()
            case "cut":
                writer.write(head + body[:2])
                writer.close()
                return
        writer.write(head + body)


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The head of the next request; nothing once the caller has left."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@asynccontextmanager
async def vendor() -> AsyncIterator[Vendor]:
    port, closed = ports(2)
    origins = (f"http://127.0.0.1:{port}", f"http://127.0.0.1:{closed}")
    client = Egress().client(HostPolicy(origins=origins))
    serving = Vendor(origins[0], client, closed)
    server = await asyncio.start_server(serving.serve, "127.0.0.1", port)
    yield serving
    await client.aclose()
    server.close()
    if serving.connections:
        await asyncio.wait(serving.connections, timeout=5)
