"""A TCP relay in front of a server of this run, which can stop forwarding: what a machine that hangs looks like from
outside, or a network that loses everything. Connections stay open and nobody answers; what is sent arrives later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_AT_ONCE = 64 * 1024


@dataclass
class Relay:
    """Forwards, from loopback to loopback, unless it is stopped."""

    to_port: int
    port: int = 0
    _goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def stop(self) -> None:
        self._goes_on.clear()

    def go_on(self) -> None:
        self._goes_on.set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Ends every connection."""
        self.go_on()
        for writer in self._writers:
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self._writers.add(writer)
        await self._goes_on.wait()
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        self._writers.add(far_writer)
        await asyncio.gather(self._forward(reader, far_writer), self._forward(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(_AT_ONCE):
                await self._goes_on.wait()
                target.write(data)
                await target.drain()
            await self._goes_on.wait()
        target.close()


@asynccontextmanager
async def relayed(to_port: int) -> AsyncIterator[Relay]:
    relay = Relay(to_port)
    relay.go_on()
    async with await asyncio.start_server(relay.accept, "127.0.0.1", 0) as server:
        relay.port = server.sockets[0].getsockname()[1]
        yield relay
        await relay.aclose()
