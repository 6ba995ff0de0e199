"""One worker process, seen from the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.text.extracted import Limits
from services.text.frames import Broken, Reply, pack_file, pack_limits, read_reply

WORKER: Final = (sys.executable, "-P", "-m", "services.text.worker")
_START_S = 30.0
_ENVIRONMENT = {
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "PYTHONDONTWRITEBYTECODE": "1",
    "LANG": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",  # numpy, which openpyxl loads where it is installed, would start threads
}
"""All that a worker gets: ours holds secrets."""


class WorkerProcess:
    """Reads one file at a time, in a process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits) -> None:
        if process.stdin is None or process.stdout is None:
            raise TypeError("a worker talks through pipes")
        self._process = process
        self._files = process.stdin
        self._replies = process.stdout
        self._limits = limits

    @classmethod
    async def start(cls, command: Sequence[str], limits: Limits) -> WorkerProcess:
        """A process that is ready for its first file. Raises Broken."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                pack_limits(limits),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # what libraries print may be out of the file
                cwd="/",
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        except OSError as error:
            raise Broken from error
        worker = cls(process, limits)
        ready = False
        try:
            async with asyncio.timeout(_START_S):
                await read_reply(worker._replies, limits)
            ready = True
        except TimeoutError as error:
            raise Broken from error
        finally:
            if not ready:
                await worker.kill()
        return worker

    async def ask(self, data: bytes, *, name: str, content_type: str) -> Reply:
        """What the worker makes of a file. Raises Broken when it died."""
        try:
            for part in pack_file(data, name=name, content_type=content_type):
                self._files.write(part)
            await self._files.drain()
        except ConnectionError as error:
            raise Broken from error
        return await read_reply(self._replies, self._limits)

    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def kill(self) -> None:
        """Ends the process and the reader that it forked, whatever they are at. May be called twice."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):  # it ended, and the event loop has not heard of it
                os.killpg(self._process.pid, signal.SIGKILL)
        self._files.close()
        await self._process.wait()
