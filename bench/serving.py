"""A Gatehouse for benches: in this process or in one of its own, with servers and sources made through its API."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from bench.processes import Tell
from bench.sockets import listening
from bench.sources import registry
from config import load_settings
from main import Gatehouse
from serving import Server, spare_the_collector
from web import logs

PORTAL: Final = "http://portal.bench.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One MCP server that a bench wants; `sources` are bodies of POST /api/v1/sources."""

    sources: Sequence[dict[str, Any]]
    """Those of one tenant that have the same name are one source."""
    budget_ms: int | None = None
    """Of each of its sources; None: the default."""
    tenant: str = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One MCP server as an agent reaches it: `address` is dialled, `host` stands in the Host header."""

    address: tuple[str, int]
    host: str
    key: str


def constant(name: str, hits: int) -> dict[str, Any]:
    """A source whose hits are in the gateway's own process."""
    return {"name": name, "type": "constant", "config": {"name": name, "hits": hits}}


def upstream(name: str, url: str) -> dict[str, Any]:
    """A source that asks `bench.upstream` at this address."""
    return {"name": name, "type": "upstream", "config": {"url": url}}


def serve_gateway(tell: Tell[Sequence[Made]], wanted: Sequence[Wanted]) -> None:
    """Tells how each wanted server is reached, in the same order, and serves until SIGTERM. Its log is written as in
    earnest, into a file that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder, listening() as opened:
        opened.setblocking(False)
        log = os.open(Path(folder) / "log", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, sys.stdout.fileno())
        gatehouse = _gatehouse(Path(folder), len(wanted))
        logs.configure("info", readable=False)
        server = Server(gatehouse)

        async def serve() -> None:
            async with gatehouse.running():
                made = await furnish(gatehouse, wanted, opened.getsockname())
                serving = asyncio.create_task(server.serve([opened]))
                while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.01)
                spare_the_collector()
                tell(made)
                await serving

        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(serve())


def _gatehouse(folder: Path, servers: int) -> Gatehouse:
    """One process as in development, with as many domains as servers; neither environment nor .env reach its data."""
    settings = load_settings(
        env="development",
        data_dir=folder / "data",
        database_url=f"sqlite+aiosqlite:///{folder / 'data' / 'gatehouse.db'}",
        portal_url=PORTAL,
        mcp_gateway_url_pools=tuple(f"http://g{number}.bench.example" for number in range(servers)),
        signup="open",
        servers_per_account=servers,
        rate_limits=False,
        password_cost=4,
        instances=1,
    )
    return Gatehouse(settings, registry())


async def furnish(gatehouse: Gatehouse, wanted: Sequence[Wanted], address: tuple[str, int]) -> Sequence[Made]:
    """Makes an account per tenant, and each server with its sources and a key, through the API."""
    async with AsyncExitStack() as stack:
        tenants: dict[str, _Tenant] = {}
        for name in dict.fromkeys(one.tenant for one in wanted):
            tenants[name] = _Tenant(await stack.enter_async_context(_signed_in(gatehouse, name)))
        return [await tenants[one.tenant].server(one, address) for one in wanted]


@dataclass(frozen=True, slots=True)
class _Tenant:
    api: httpx2.AsyncClient
    sources: dict[str, str] = field(default_factory=dict)
    """Ids by name."""

    async def server(self, wanted: Wanted, address: tuple[str, int]) -> Made:
        ids = [await self.source(body) for body in wanted.sources]
        server = await _post(self.api, "/mcp-servers", {"name": "Bench", "source_ids": ids, "results": 100})
        if wanted.budget_ms is not None:
            for id_ in ids:
                path = f"/mcp-servers/{server['id']}/sources/{id_}"
                (await self.api.patch(path, json={"budget_ms": wanted.budget_ms})).raise_for_status()
        key = await _post(self.api, f"/mcp-servers/{server['id']}/keys", {"name": "bench"})
        return Made(address=address, host=urlsplit(server["url"]).netloc, key=key["key"])

    async def source(self, body: dict[str, Any]) -> str:
        name = body["name"]
        if name not in self.sources:
            self.sources[name] = (await _post(self.api, "/sources", body))["id"]
        return self.sources[name]


@asynccontextmanager
async def _signed_in(gatehouse: Gatehouse, name: str) -> AsyncIterator[httpx2.AsyncClient]:
    person = {"email": f"{name}@example.com", "password": "a password of the bench"}
    transport = httpx2.ASGITransport(gatehouse.app)
    async with httpx2.AsyncClient(transport=transport, base_url=f"{PORTAL}/api/v1") as api:
        await _post(api, "/signup", {**person, "name": name})
        session = await _post(api, "/signin", person)
        api.headers["Authorization"] = f"Bearer {session['access_token']}"
        yield api


async def _post(api: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = await api.post(path, json=body)
    reply.raise_for_status()
    made: dict[str, Any] = reply.json()
    return made
