"""The official conformance runner, as a command that judges the server at an address."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent
PACKAGES: Final = _FOLDER / "node_modules"
_PROGRAM: Final = PACKAGES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
_EXPECTED: Final = _FOLDER / "expected-failures.yml"
_OLDEST_NODE: Final = 22
"""The runner calls `fs.globSync`, which is missing before."""
_PATIENCE_S: Final = 120.0


class RunnerMissing(Exception):
    """The runner cannot be had on this machine; the message is the reason for the skipped tests."""


@dataclass(frozen=True, slots=True)
class Verdict:
    as_expected: bool
    """The scored scenarios fail where expected-failures.yml says so, and nowhere else."""
    passed: frozenset[str]
    """The scenarios, scored or not, without a failed check."""
    report: str
    """What the runner printed."""


@dataclass(frozen=True, slots=True)
class Runner:
    """The runner, and a Node that runs it."""

    node: str

    async def judge(self, url: str, revision: str) -> Verdict:
        """Runs every server scenario that this revision of the specification requires against the MCP endpoint.
        Raises TimeoutError."""
        process = await asyncio.create_subprocess_exec(
            *(self.node, str(_PROGRAM), "server", "--url", url, "--requirements", revision),
            *("--expected-failures", str(_EXPECTED)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_PATIENCE_S):
                printed, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return _verdict(process, printed.decode())

    async def judge_issuer(
        self, url: str, client_id: str, port: int, let_in: Callable[[str], Awaitable[None]]
    ) -> Verdict:
        """Runs the scenarios for an authorization server. `let_in` is given the address that a person would open and
        brings the answer to `http://127.0.0.1:<port>/callback`. Raises TimeoutError."""
        process = await asyncio.create_subprocess_exec(
            *(self.node, str(_PROGRAM), "authorization", "--url", url, "--client-id", client_id, "-p", str(port)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_PATIENCE_S):
                report = await _until_asked(process, url, let_in)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return _verdict(process, report)


async def _until_asked(process: asyncio.subprocess.Process, url: str, let_in: Callable[[str], Awaitable[None]]) -> str:
    """All that it prints, to its end."""
    if process.stdout is None:
        raise RuntimeError("the runner's output is not read")
    lines = []
    async for line in process.stdout:
        lines.append(line.decode())
        if lines[-1].startswith(f"{url}/authorize?"):
            await let_in(lines[-1].strip())
    await process.wait()
    return "".join(lines)


def _verdict(process: asyncio.subprocess.Process, report: str) -> Verdict:
    return Verdict(
        as_expected=process.returncode == 0,
        passed=frozenset(re.findall(r"^✓ (\S+): \d+ passed", report, re.MULTILINE)),
        report=report,
    )


def find_runner() -> Runner:
    """Raises RunnerMissing."""
    if not _PROGRAM.exists():
        raise RunnerMissing("the conformance runner is not installed: `make check` does it where npm is")
    return Runner(find_node())


def find_node() -> str:
    """A Node that is new enough. Raises RunnerMissing."""
    for node in (str(PACKAGES / ".bin" / "node"), shutil.which("node")):
        if node is not None and _version(node) >= _OLDEST_NODE:
            return node
    raise RunnerMissing(f"Node {_OLDEST_NODE} is needed, and npm has none for this machine")


def _version(node: str) -> int:
    """The major version; 0 where this Node is missing or does not run here."""
    try:
        asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - a Node of ours or of PATH
    except OSError:
        return 0
    match = re.match(r"v(\d+)\.", asked.stdout)
    return int(match[1]) if match else 0
