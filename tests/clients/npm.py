"""Clients that come from npm, as child processes whose person has a browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx2

from tests.clients.person import Owner
from tests.conformance.runner import PACKAGES, RunnerMissing, find_node

INSPECTOR: Final = PACKAGES / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
REMOTE: Final = PACKAGES / "mcp-remote" / "dist" / "proxy.js"

PATIENCE_S: Final = 60.0


def command(program: Path) -> list[str]:
    """What starts it. Raises RunnerMissing, whose message is the reason for the skipped tests."""
    if not program.exists():
        raise RunnerMissing(f"{program.parent.parent.name} is not installed: `make check` does it where npm is")
    return [find_node(), str(program)]


def environment(home: Path) -> Mapping[str, str]:
    """Of a machine without a browser, a keychain and anything kept from before."""
    kept = {"HOME": home, "MCP_REMOTE_CONFIG_DIR": home / "remote", "XDG_CONFIG_HOME": home / "config"}
    return {
        **{name: str(path) for name, path in kept.items()},
        "PATH": "/bin",
        "BROWSER": "/bin/true",
        "MCP_AUTO_OPEN_ENABLED": "true",
    }


async def let_in_who_asks(owner: Owner, printed: Path) -> None:
    """Waits until the client prints its authorization request, allows it, and brings the code to its port."""
    pattern = re.compile(rf"{re.escape(owner.portal)}/authorize\?\S+(?=\s)")
    async with asyncio.timeout(PATIENCE_S):
        while (found := pattern.search(_text(printed))) is None:  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.05)
    location = await owner.let_in(found[0])
    async with httpx2.AsyncClient(timeout=20) as browser:
        (await browser.get(location)).raise_for_status()


def _text(file: Path) -> str:
    return file.read_text(errors="replace")
