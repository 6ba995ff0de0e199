"""A Gatehouse to test against: in this process without sockets (`stand`), or served on real ones (`served`)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from config import Settings
from database.engine import Database
from handlers.base import Clock
from handlers.registry import Registry
from listening import listen
from main import Gatehouse, utc_now
from services.egress import Egress
from serving import Server

PORTAL = "http://localhost:8000"
PASSWORD = "correct horse battery staple"

_FIRST_PORT = 20_000
"""Below those that the system gives to whoever connects."""
_PORTS_EACH = 1_500
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8  # noqa: TID251 - xdist tells it so
_NUMBERS = itertools.count(os.getpid())


def settings_for(database_url: str, folder: Path, **changes: Any) -> Settings:
    """Settings that read no environment and no .env, with the cheapest password hashing, and every question asked anew:
    tests ask the same again to see what has changed."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "data_dir": folder / "data",
        "jwt_secret": "a secret for tests, long enough to sign",
        "secrets_keys": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "password_cost": 4,
        "rate_limits": True,
        "answer_reuse_s": 0,
        # What a test asks of one account in seconds, people ask in a day. The limits have tests of their own.
        **dict.fromkeys(("rate_per_token", "rate_per_user", "rate_per_server", "rate_per_address"), 100_000),
        **changes,
    }
    return _Isolated(**values)


class _Isolated(Settings):
    """Nothing from outside: what a test does not say takes its default."""

    def __init__(self, **values: Any) -> None:
        super().__init__(_env_file=None, _env_prefix="GATEHOUSE_TESTS_READ_NO_ENVIRONMENT_", **values)


@dataclass
class Person:
    """Somebody who is signed in at a stand. The client sends their token."""

    id: str
    email: str
    token: str
    http: httpx2.AsyncClient


@dataclass
class Stand:
    """A running Gatehouse and a way to call it."""

    gatehouse: Gatehouse
    _clients: list[httpx2.AsyncClient] = field(default_factory=list)

    @cached_property
    def http(self) -> httpx2.AsyncClient:
        """Calls the portal as nobody in particular."""
        return self.client()

    def client(self, base_url: str = PORTAL, **headers: str) -> httpx2.AsyncClient:
        """Calls any host of the stand."""
        transport = httpx2.ASGITransport(self.gatehouse.app, client=("198.51.100.7", 50_000))
        client = httpx2.AsyncClient(transport=transport, base_url=base_url, headers=headers)
        self._clients.append(client)
        return client

    async def person(self, name: str = "ann") -> Person:
        """A new account, signed in. Its address ends like no other of a test: `ann@5e884898.example.com`."""
        email = f"{name}@{secrets.token_hex(4)}.example.com"
        made = await self.http.post("/api/v1/signup", json={"email": email, "password": PASSWORD, "name": name})
        made.raise_for_status()
        opened = await self.http.post("/api/v1/signin", json={"email": email, "password": PASSWORD})
        opened.raise_for_status()
        self.http.cookies.clear()
        token = opened.json()["access_token"]
        return Person(made.json()["id"], email, token, self.client(Authorization=f"Bearer {token}"))

    async def sample(self, person: Person, *, allow_writes: bool = False, name: str = "Customers") -> dict[str, Any]:
        """The built-in sample, connected."""
        body = {"name": name, "type": "customer_db", "config": {"url": "sample", "allow_writes": allow_writes}}
        reply = await person.http.post("/api/v1/sources", json=body)
        reply.raise_for_status()
        source: dict[str, Any] = reply.json()
        return source

    async def server(self, person: Person, sources: Sequence[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
        """An MCP server over these sources."""
        body = {"name": "Mine", "source_ids": [source["id"] for source in sources], **more}
        reply = await person.http.post("/api/v1/mcp-servers", json=body)
        reply.raise_for_status()
        server: dict[str, Any] = reply.json()
        return server

    async def key(self, person: Person, server: dict[str, Any], **more: Any) -> str:
        reply = await person.http.post(f"/api/v1/mcp-servers/{server['id']}/keys", json={"name": "key", **more})
        reply.raise_for_status()
        text: str = reply.json()["key"]
        return text

    @asynccontextmanager
    async def agent(self, server: dict[str, Any], key: str | None, *, mode: str = "auto") -> AsyncIterator[Client]:
        """The official SDK's client at the server's address; mode "legacy" is the handshake era."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        async with (
            httpx2.AsyncClient(transport=httpx2.ASGITransport(self.gatehouse.app), headers=headers) as http,
            Client(streamable_http_client(server["url"], http_client=http), mode=mode) as client,
        ):
            yield client

    async def aclose(self) -> None:
        for client in self._clients:
            await client.aclose()


@asynccontextmanager
async def stand(
    settings: Settings, registry: Registry | None = None, clock: Clock = utc_now, internet: Egress | None = None
) -> AsyncIterator[Stand]:
    gatehouse = Gatehouse(settings, registry, clock, internet)
    forgo_disk(gatehouse.database)
    # Tests ask hundreds of things at once of a process that is busy with them too. Turning away has tests of its own.
    gatehouse.gate.fewest = gatehouse.gate.limit = settings.requests_at_once
    async with gatehouse.running():
        running = Stand(gatehouse)
        yield running
        await running.aclose()


@asynccontextmanager
async def served(
    settings: Settings, registry: Registry | None = None, internet: Egress | None = None
) -> AsyncIterator[Gatehouse]:
    """On the sockets its settings name; `ports` makes free ones."""
    gatehouse = Gatehouse(settings, registry, internet=internet)
    forgo_disk(gatehouse.database)
    server = Server(gatehouse)
    async with gatehouse.running():
        task = asyncio.create_task(server.serve(listen(settings)))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield gatehouse
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task


def forgo_disk(database: Database) -> None:
    """Lets SQLite commit without waiting for the disk: what this process writes need not outlive the machine."""
    if database.is_sqlite:
        event.listen(database.engine.sync_engine, "connect", _relax)


def _relax(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()


def ports(count: int) -> list[int]:
    """Free ports on loopback, of a range that no other worker of this run gives out, and each only once: between now
    and the moment that somebody listens there, they are nobody's."""
    free: list[int] = []
    while len(free) < count:
        number = _FIRST_PORT + _WORKER * _PORTS_EACH + next(_NUMBERS) % _PORTS_EACH
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", number)):
            free.append(number)
    return free
