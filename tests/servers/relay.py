"""A TCP relay on loopback, for trouble on the way to a server that makes none itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Manner = Literal["ok", "slow", "hung", "held", "drip"]
SLOW_S = 0.02
DRIP_S = 0.05
_LOOK_AGAIN_S = 0.01


@dataclass
class Relay:
    """Passes on what both sides say, in the manner of the moment:

    | manner | what the caller meets |
    |---|---|
    | ok | the server as it is |
    | slow | every piece comes `SLOW_S` late, in both directions |
    | hung | what either side says is lost, and no connection ends |
    | held | the same, but it all arrives once the manner is another: a machine that stands still |
    | drip | answers come one byte per `DRIP_S` |
    """

    server_port: int
    port: int = 0
    """Where it listens."""
    manner: Manner = "ok"
    connections: set[asyncio.Task[None]] = field(default_factory=set)
    """Those that callers hold."""

    def hold(self) -> None:
        """Where an assignment does not fit."""
        self.manner = "held"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side leaves."""
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        answers, server = await asyncio.open_connection("127.0.0.1", self.server_port)
        passing = [
            asyncio.create_task(self._pass(reader, server, may_drip=False)),
            asyncio.create_task(self._pass(answers, writer, may_drip=True)),
        ]
        try:
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in passing:
                one.cancel()
            await asyncio.gather(*passing, return_exceptions=True)
            server.close()
            writer.close()
            self.connections.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, may_drip: bool) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(65_536):
                while self.manner == "held":  # noqa: ASYNC110 - whoever sets the manner tells nobody
                    await asyncio.sleep(_LOOK_AGAIN_S)
                if self.manner == "hung":
                    continue
                if self.manner == "slow":
                    await asyncio.sleep(SLOW_S)
                size = 1 if self.manner == "drip" and may_drip else len(piece)
                for start in range(0, len(piece), size):
                    writer.write(piece[start : start + size])
                    await writer.drain()
                    await asyncio.sleep(DRIP_S if size < len(piece) else 0)


@asynccontextmanager
async def relayed(server_port: int) -> AsyncIterator[Relay]:
    """In front of a server on loopback, as long as the block runs."""
    running = Relay(server_port)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    yield running
    server.close()
    for connection in running.connections:
        connection.cancel()
    await asyncio.gather(*running.connections, return_exceptions=True)
