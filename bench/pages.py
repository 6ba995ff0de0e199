"""How long the portal's pages take at the server, for an account that has much. `python -m bench.pages`; JSON last.

In this process, without sockets: what is measured is the page, from request to reply.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final
from uuid import UUID

import httpx2

from auth.audit import Event
from bench.figures import print_json, print_table
from config import load_settings
from main import Gatehouse
from web import logs

SOURCES: Final = 50
EVENTS: Final = 10_000
ROUNDS: Final = 30
PAGES: Final = (
    "/welcome",
    "/sources",
    "/sources/new",
    "/sources/new/customer_db",
    "/servers",
    "/servers/new",
    "/playground",
    "/activity",
    "/activity?range=30d&action=tool.called",
    "/account",
    "/account/delete",
    "/admin",
)

_ASKED: Final = 4
"""Sources per search."""
_PORTAL: Final = "http://localhost:8000"


def main() -> None:
    logs.configure("error", readable=False)
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        figures = asyncio.run(_measure(Path(folder)))
    rows = [[path, *row.values()] for path, row in figures.items()]
    print_table(f"{SOURCES} sources, {EVENTS} events", ["page", "median ms", "max ms", "kB"], rows)
    print_json({"sources": SOURCES, "events": EVENTS, "pages": figures})


async def _measure(folder: Path) -> dict[str, dict[str, float]]:
    settings = load_settings(
        data_dir=folder,
        database_url=f"sqlite+aiosqlite:///{folder / 'gatehouse.db'}",
        portal_url=_PORTAL,
        rate_limits=False,
        password_cost=4,
    )
    gatehouse = Gatehouse(settings)
    async with gatehouse.running():
        transport = httpx2.ASGITransport(gatehouse.app)
        async with httpx2.AsyncClient(transport=transport, base_url=_PORTAL, headers={"Accept": "text/html"}) as http:
            await _furnish(gatehouse, http)
            edit = re.search(r'href="(/sources/[0-9a-f-]{36})"', (await http.get("/sources")).text)
            server = re.search(r'href="(/servers/[0-9a-f-]{36})"', (await http.get("/servers")).text)
            places = [f"{server[1]}{place}" for place in ("", "/sources", "/sources/choose")] if server else []
            paths = (*PAGES, *([edit[1]] if edit else ()), *places)
            return {_shown(path): await _page(http, path) for path in paths}


async def _page(http: httpx2.AsyncClient, path: str) -> dict[str, float]:
    took: list[float] = []
    size = 0
    for _ in range(ROUNDS):
        started = time.perf_counter()
        reply = await http.get(path)
        took.append((time.perf_counter() - started) * 1000)
        reply.raise_for_status()
        size = len(reply.content)
    return {"median_ms": round(median(took), 1), "max_ms": round(max(took[1:]), 1), "kb": round(size / 1000, 1)}


async def _furnish(gatehouse: Gatehouse, http: httpx2.AsyncClient) -> None:
    person = {"email": "bench@example.com", "password": secrets.token_urlsafe(16)}
    made = (await http.post("/api/v1/signup", json={**person, "name": "Bench"})).json()
    await http.post("/api/v1/signin", json=person)
    sources = [await _source(http, number) for number in range(SOURCES)]
    keys = [one["key"] for one in (await http.get(f"/api/v1/sources?limit={_ASKED}")).json()["items"]]
    for number in range(3):
        body = {"name": f"Server {number}", "source_ids": sources}
        (await http.post("/api/v1/mcp-servers", json=body)).raise_for_status()
    for number in range(EVENTS):
        gatehouse.audit.record(_event(UUID(made["id"]), keys, number))
        if number % 500 == 0:
            await gatehouse.audit.flush()
    await gatehouse.audit.flush()


async def _source(http: httpx2.AsyncClient, number: int) -> str:
    body = {"name": f"Customers {number}", "type": "customer_db", "config": {"url": "sample"}}
    reply = await http.post("/api/v1/sources", json=body)
    reply.raise_for_status()
    id_: str = reply.json()["id"]
    return id_


def _event(user_id: UUID, keys: Sequence[str], number: int) -> Event:
    """A search that asked these sources."""
    took_ms = number % 900
    sources = [{"key": key, "status": "ok", "results": 7, "took_ms": took_ms} for key in keys]
    return Event(
        user_id=user_id, actor="key", action="tool.called", target="search", took_ms=took_ms, results=7, sources=sources
    )


def _shown(path: str) -> str:
    return re.sub(r"[0-9a-f-]{36}", "{id}", path)


if __name__ == "__main__":
    main()
