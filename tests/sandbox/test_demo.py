"""The demo: the whole product with the sample company behind it, as `make demo` starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.stand import ports

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def said() -> Iterator[dict[str, str]]:
    """What the demo printed by the time it was healthy: `{"Demo account": "demo@example.com", ...}`."""
    port, *gateways = ports(3)
    environment = {
        "PATH": os.environ["PATH"],  # noqa: TID251 - a process needs one
        "PORT": str(port),
        "MCP_GATEWAY_URL_POOLS": ",".join(f"http://localhost:{number}" for number in gateways),
        "PASSWORD_COST": "4",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.demo"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        _wait_until_ready(f"http://localhost:{port}/readyz", process)
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        told = {}
        for line in lines:
            name, colon, value = line.rstrip("\n").partition(": ")
            told[name] = value if colon else ""
            if line.startswith("Everything"):
                break
        yield told
    finally:
        process.terminate()
        assert process.wait(20) == 0
        if process.stdout is not None:
            process.stdout.close()


async def test_it_says_how_to_sign_in_before_it_is_healthy(said):
    assert re.fullmatch(r"\S+@example\.com", said["Demo account"])
    async with httpx2.AsyncClient(base_url=said["Portal"]) as portal:
        form = {"email": said["Demo account"], "password": said["Demo password"]}
        assert (await portal.post("/api/v1/signin", json=form)).status_code == 200


async def test_its_server_searches_four_sources_that_all_answer(said):
    async with agent(said) as client:
        found = await client.call_tool("search", {"query": "cold zone too warm: how soon must we telephone Medivar"})
    reports = found.structured_content["sources"]
    assert {report["type"]: report["status"] for report in reports} == {
        "box": "ok",
        "customer_db": "ok",
        "outlook": "ok",
        "snowflake": "ok",
    }
    assert {result["source"] for result in found.structured_content["results"]} == {
        report["source"] for report in reports
    }


async def test_what_it_finds_can_be_fetched(said):
    async with agent(said) as client:
        found = await client.call_tool("search", {"query": "Medivar service levels"})
        for result in found.structured_content["results"][:8]:
            fetched = await client.call_tool("fetch", {"id": result["id"]})
            assert not fetched.is_error
            assert fetched.structured_content["text"]


@asynccontextmanager
async def agent(said: dict[str, str]) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {said['Key']}"}, timeout=30) as http,
        Client(streamable_http_client(said["MCP server"], http_client=http)) as client,
    ):
        yield client


def _wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the demo ended by itself"
        try:
            if httpx2.get(url).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.2)
    raise AssertionError("the demo did not become healthy")
