"""The Inspector's command line and mcp-remote, which register themselves and wait at a port for the code."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.clients import npm
from tests.clients.conftest import Town
from tests.conformance.runner import RunnerMissing
from tests.stand import ports

pytestmark = pytest.mark.anyio


def command_or_skip(program: Path) -> list[str]:
    try:
        return npm.command(program)
    except RunnerMissing as missing:
        pytest.skip(str(missing))


async def test_the_inspector_signs_in_and_searches(town: Town, tmp_path: Path):
    (callback,) = ports(1)
    asked = ("--method", "tools/call", "--tool-name", "search", "--tool-arg", "query=active customers")
    printed = tmp_path / "printed"
    with printed.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command_or_skip(npm.INSPECTOR),
            *("--cli", town.owner.server["url"], "--transport", "http", *asked),
            *("--callback-url", f"http://127.0.0.1:{callback}/oauth/callback", "--format", "json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=dict(npm.environment(tmp_path)),
        )
        try:
            await npm.let_in_who_asks(town.owner, printed)
            async with asyncio.timeout(npm.PATIENCE_S):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0, printed.read_text()
    assert '"results"' in json.dumps(json.loads(output))
    (grant,) = await town.owner.grants()
    assert "Inspector" in grant["client"]["name"]


async def test_mcp_remote_signs_in_and_searches(town: Town, tmp_path: Path):
    (callback,) = ports(1)
    node, *program = command_or_skip(npm.REMOTE)
    url = town.owner.server["url"]
    child = StdioServerParameters(
        command=node,
        args=[*program, url, str(callback), "--allow-http", "--transport", "http-only"],
        env=dict(npm.environment(tmp_path)),
    )
    printed = tmp_path / "printed"
    with printed.open("w") as errors:
        letting_in = asyncio.create_task(npm.let_in_who_asks(town.owner, printed))
        async with asyncio.timeout(npm.PATIENCE_S), Client(stdio_client(child, errlog=errors), mode="legacy") as client:
            found = await client.call_tool("search", {"query": "active customers"})
        await letting_in
    assert found.structured_content["results"]
    (grant,) = await town.owner.grants()
    assert grant["client"]["host"] is None
