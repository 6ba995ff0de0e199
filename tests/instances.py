"""Real processes of the product, as PM2 would run them: `python main.py` with an environment and a folder of its own.

async with instance(folder, database_url) as one:
    reply = await one.http.post("/api/v1/signup", json=...)
"""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tests.stand import ports

ROOT = Path(__file__).parent.parent
START_S = 60.0


@dataclass
class Instance:
    """A process that was started; `said` is what it printed, once it has ended."""

    process: Process
    port: int
    http: httpx2.AsyncClient
    said: str = ""

    async def ready(self) -> None:
        """Returns when it answers. Raises RuntimeError with its last words if it ended instead."""
        async with asyncio.timeout(START_S):
            while True:
                if self.process.returncode is not None:
                    raise RuntimeError(f"ended with {self.process.returncode}: {await self.last_words()}")
                with suppress(httpx2.TransportError):
                    if (await self.http.get("/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    async def end(self, how: signal.Signals) -> int:
        """Its exit code; negative for the signal that killed it."""
        with suppress(ProcessLookupError):
            self.process.send_signal(how)
        await self.last_words()
        return await self.process.wait()

    async def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        async with asyncio.timeout(START_S):
            await self.last_words()
            return await self.process.wait()

    async def last_words(self) -> str:
        output = self.process.stdout
        if output is not None and not output.at_eof():
            self.said += (await output.read()).decode(errors="replace")
        return self.said


def environment_of(folder: Path, database_url: str, port: int, **more: str) -> Mapping[str, str]:
    """What such a process is told; nothing of ours reaches it."""
    gateways = ",".join(f"http://localhost:{number}" for number in ports(2))
    return {
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder / "data"),
        "PORT": str(port),
        "MCP_GATEWAY_URL_POOLS": gateways,
        "PASSWORD_COST": "4",
        **more,
    }


@asynccontextmanager
async def instance(folder: Path, database_url: str, **more: str) -> AsyncIterator[Instance]:
    """A process that is starting; it is killed at the end if it still runs. Its client speaks to the portal's host, as
    a proxy in front of several of them would."""
    port = ports(1)[0]
    environment = environment_of(folder, database_url, port, **more)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "main.py"), cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT, limit=2**24
    )
    portal = {"Host": urlsplit(environment["PORTAL_URL"]).netloc} if "PORTAL_URL" in environment else {}
    async with httpx2.AsyncClient(base_url=f"http://localhost:{port}", timeout=30, headers=portal) as http:
        started = Instance(process, port, http)
        try:
            yield started
        finally:
            if process.returncode is None:
                await started.end(signal.SIGKILL)


async def command(folder: Path, database_url: str, *arguments: str, typed: str = "", **more: str) -> tuple[int, str]:
    """Exit code and output of one command of the command line."""
    environment = environment_of(folder, database_url, ports(1)[0], **more)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "main.py"), *arguments),
        cwd=folder, env=environment, stdin=PIPE, stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate(typed.encode())
    return process.returncode or 0, said.decode()
