"""Hands files to worker processes and makes the best of what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from services.text.extracted import Extracted, Limits, only_note
from services.text.frames import TOO_MUCH_MEMORY, Broken, Reply
from services.text.process import WORKER, WorkerProcess

log = structlog.get_logger()

_WORKERS = 2
_MB = 1_000_000


class TextExtractor:
    """A few worker processes, started when they are first needed. Close it in the end."""

    def __init__(
        self, *, limits: Limits | None = None, workers: int = _WORKERS, command: Sequence[str] = WORKER
    ) -> None:
        self._limits = limits or Limits()
        self._command = tuple(command)
        self._free = asyncio.Semaphore(workers)
        self._idle: list[WorkerProcess] = []
        self._running: set[WorkerProcess] = set()
        self._closed = False

    async def extract(self, data: bytes, *, name: str, content_type: str) -> Extracted:
        """The text of the file. Never raises for what the file holds: whatever could not be read, or was cut, is said
        in the text, under the name given. Cancelling it kills the process at work."""
        if len(data) > self._limits.input_bytes:
            return only_note(name, f"not read: it is larger than {self._limits.input_bytes // _MB} MB.")
        try:
            async with self._free:
                reply = await self._ask(data, name=name, content_type=content_type)
        except TimeoutError:
            reply = Reply(extracted=None, failure="time")
        except Broken:
            reply = Reply(extracted=None, failure="the reader died")
        if reply.extracted is not None:
            return reply.extracted
        log.info("text.unreadable", reason=reply.failure, size_bytes=len(data))
        return only_note(name, _NOTES.get(reply.failure, "damaged and could not be read."))

    async def aclose(self) -> None:
        """Ends all processes; files that are being read come back with a note."""
        self._closed = True
        for worker in [*self._idle, *self._running]:
            await worker.kill()
        self._idle.clear()

    async def _ask(self, data: bytes, *, name: str, content_type: str) -> Reply:
        """Raises TimeoutError and Broken; in either case, and when cancelled, the process is gone afterwards."""
        worker = await self._take()
        finished = False
        try:
            async with asyncio.timeout(self._limits.time.total_seconds()):
                reply = await worker.ask(data, name=name, content_type=content_type)
            finished = True
            return reply
        finally:
            self._running.discard(worker)
            if finished and not self._closed:
                self._idle.append(worker)
            else:
                await worker.kill()

    async def _take(self) -> WorkerProcess:
        if self._closed:
            raise RuntimeError("the text extractor is closed")
        while self._idle and not self._idle[-1].is_alive():
            await self._idle.pop().kill()
        worker = self._idle.pop() if self._idle else await WorkerProcess.start(self._command, self._limits)
        self._running.add(worker)
        return worker


_NOTES = {
    TOO_MUCH_MEMORY: "not read: reading it takes too much memory.",
    "time": "not read: reading it takes too long.",
    "the reader died": "damaged or too large, and could not be read.",
}
