"""From an empty folder to an agent's first cited answer, in a process of its own on real sockets, by HTTP only."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.gateway.wire import MODERN, request
from tests.stand import PASSWORD, ports

pytestmark = pytest.mark.anyio

REPOSITORY = Path(__file__).parents[1]
START_S = 60
STOP_S = 20


@dataclass
class Running:
    """`python main.py` in a folder of its own."""

    process: asyncio.subprocess.Process
    portal: str
    folder: Path

    async def stop(self) -> int:
        """Asks it to stop, and gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), STOP_S)

    def audited(self) -> list[tuple[str, str]]:
        """Target and outcome of every tool call in the trail, read from the file."""
        with sqlite3.connect(self.folder / "data" / "gatehouse.db") as database:
            rows = database.execute("SELECT target, outcome FROM audit_events WHERE action = 'tool.called'")
            return sorted(rows.fetchall())


def environment(portal: int, gateways: list[int]) -> Mapping[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": "/nonexistent",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PORT": str(portal),
        "MCP_GATEWAY_URL_POOLS": ",".join(f"http://localhost:{port}" for port in gateways),
        "DATA_DIR": "data",
    }


async def start(folder: Path, portal: int, gateways: list[int]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(REPOSITORY / "main.py"),
        cwd=folder,
        env=dict(environment(portal, gateways)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    portal, *gateways = ports(3)
    process = await start(folder, portal, gateways)
    listening = asyncio.create_task(_drain(process))
    served = Running(process, f"http://localhost:{portal}", folder)
    try:
        await _until_ready(served)
        yield served
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await listening


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Reads what it prints, so that it never waits for us."""
    assert process.stdout is not None
    while await process.stdout.read(65_536):
        pass


async def _until_ready(served: Running) -> None:
    async with asyncio.timeout(START_S), httpx2.AsyncClient() as client:
        while True:
            assert served.process.returncode is None, "it ended instead of serving"
            try:
                if (await client.get(f"{served.portal}/readyz")).status_code == 200:
                    return
            except httpx2.TransportError:
                await asyncio.sleep(0.1)


async def public_portal(served: Running) -> tuple[dict[str, Any], str, str]:
    """A new account's server over the sample, a key to it, and the source's key."""
    async with httpx2.AsyncClient(base_url=f"{served.portal}/api/v1", timeout=20) as http:
        account = {"email": "ann@example.com", "password": PASSWORD, "name": "Ann"}
        assert (await http.post("/signup", json=account)).status_code == 201
        del account["name"]
        signed_in = await http.post("/signin", json=account)
        http.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
        sample = {"name": "Customers", "type": "customer_db", "config": {"url": "sample"}}
        source = (await http.post("/sources", json=sample)).json()
        wanted = {"name": "Mine", "source_ids": [source["id"]]}
        server = (await http.post("/mcp-servers", json=wanted)).json()
        key = (await http.post(f"/mcp-servers/{server['id']}/keys", json={"name": "agent"})).json()
    return server, key["key"], source["key"]


@asynccontextmanager
async def agent(server: dict[str, Any], key: str, mode: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=20) as http,
        Client(streamable_http_client(server["url"], http_client=http), mode=mode) as client,
    ):
        yield client


async def test_from_an_empty_folder_to_cited_answers_in_both_eras(tmp_path: Path):
    async with running(tmp_path) as served:
        server, key, source = await public_portal(served)
        calls = 0
        for mode in ("legacy", "auto"):
            async with agent(server, key, mode) as client:
                names = [tool.name for tool in (await client.list_tools()).tools]
                assert names == ["search", "fetch", f"{source}_get_customer", f"{source}_list_customers"]
                found = await client.call_tool("search", {"query": "active customers"})
                results = found.structured_content["results"]
                assert results
                for result in results:
                    document = await client.call_tool("fetch", {"id": result["id"]})
                    assert document.structured_content["title"] == result["title"]
                customer = await client.call_tool(f"{source}_get_customer", {"id": 1})
                assert customer.structured_content["id"] == 1
                calls += 2 + len(results)
        assert await served.stop() == 0
        assert len(served.audited()) == calls


async def test_a_clean_stop_answers_what_is_under_way_and_writes_the_trail(tmp_path: Path):
    async with running(tmp_path) as served:
        server, key, _ = await public_portal(served)
        headers, body = request(MODERN, "tools/call", {"name": "search", "arguments": {"query": "active"}})
        data = json.dumps(body).encode()
        lines = ["POST /mcp HTTP/1.1", f"Host: {server['domain']}", f"Content-Length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in {**headers, "Authorization": f"Bearer {key}"}.items()]
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server["domain"].rpartition(":")[2]))
        writer.write("\r\n".join([*lines, "", ""]).encode() + data[:10])
        await asyncio.sleep(0.3)
        stopping = asyncio.create_task(served.stop())
        await asyncio.sleep(0.5)
        assert not stopping.done()
        writer.write(data[10:])
        reply = await asyncio.wait_for(reader.read(), STOP_S)
        assert reply.startswith(b"HTTP/1.1 200")
        assert await stopping == 0
        assert served.audited() == [("search", "ok")]
        writer.close()


async def test_it_starts_again_on_what_it_wrote(tmp_path: Path):
    async with running(tmp_path) as served:
        await public_portal(served)
        assert await served.stop() == 0
    async with running(tmp_path) as served, httpx2.AsyncClient(base_url=f"{served.portal}/api/v1") as http:
        account = {"email": "ann@example.com", "password": PASSWORD}
        assert (await http.post("/signin", json=account)).status_code == 200
        assert await served.stop() == 0


async def test_a_taken_port_ends_the_start_with_one_sentence(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (portal,) = ports(1)
        for numbers in ((port, [portal]), (portal, [port])):
            process = await start(tmp_path, *numbers)
            output, _ = await asyncio.wait_for(process.communicate(), START_S)
            assert process.returncode == 2
            (line,) = output.decode().splitlines()
            assert line.startswith(f"Port {port} on 127.0.0.1 cannot be used")
            assert not (tmp_path / "data" / "gatehouse.db").exists()
