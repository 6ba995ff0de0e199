"""`make demo`: the whole product on one machine, with the sample company behind it instead of vendors.

It starts afresh each time, in a folder that is deleted at the end. The account, its four sources, a server and a key
are made through the API, as a person would make them.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import httpx2

from config import Settings, SettingsProblem, load_settings
from listening import StartProblem, listen
from main import Gatehouse
from sandbox.database import write_database
from sandbox.forms import source_forms
from sandbox.sample import sample_company
from sandbox.server import serve
from sandbox.world import World
from serving import Server
from web import logs

_QUESTION: Final = "cold zone too warm: how soon must we telephone Medivar"


def main() -> int:
    """The exit code: 0 after SIGINT or SIGTERM, 2 with one sentence when it cannot start."""
    world = sample_company()
    try:
        with tempfile.TemporaryDirectory(prefix="gatehouse-demo-") as folder, serve(world) as vendors:
            database = Path(folder) / "customers" / "company.db"
            write_database(world, database)
            settings = _settings(Path(folder), vendors, database.parent)
            logs.configure("warning", readable=True)
            asyncio.run(_run(settings, world, database.name))
    except (SettingsProblem, StartProblem) as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


def _settings(folder: Path, vendors: str, databases: Path) -> Settings:
    """The environment still counts, for PORT and the like; what makes it a demo does not come from there."""
    data = folder / "data"
    return load_settings(
        env="development",
        data_dir=data,
        database_url=f"sqlite+aiosqlite:///{data / 'gatehouse.db'}",
        signup="open",
        entra_url=f"{vendors}/entra",
        graph_url=f"{vendors}/graph",
        box_url=f"{vendors}/box",
        snowflake_url=f"{vendors}/snowflake",
        customer_sqlite_folder=databases,
    )


async def _run(settings: Settings, world: World, database: str) -> None:
    sockets = listen(settings)
    gatehouse = Gatehouse(settings)
    server = Server(gatehouse)
    async with gatehouse.running():
        print(await _furnish(gatehouse, world, database), flush=True)  # noqa: T201 - for whoever started it
        await server.serve(sockets)


async def _furnish(gatehouse: Gatehouse, world: World, database: str) -> str:
    """Makes everything there is to see, and says how to see it."""
    portal = gatehouse.settings.portal_url
    person = {"email": "demo@example.com", "password": secrets.token_urlsafe(12)}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(gatehouse.app), base_url=f"{portal}/api/v1") as api:
        await _post(api, "/signup", {**person, "name": "Demo"})
        session = await _post(api, "/signin", person)
        api.headers["Authorization"] = f"Bearer {session['access_token']}"
        sources = [await _post(api, "/sources", source) for source in source_forms(world, database)]
        for source in sources:
            await _post(api, f"/sources/{source['id']}/check", {})
        server = await _post(
            api, "/mcp-servers", {"name": world.name, "source_ids": [source["id"] for source in sources]}
        )
        key = await _post(api, f"/mcp-servers/{server['id']}/keys", {"name": "demo"})
    return "\n".join(
        [
            f"Demo account: {person['email']}",
            f"Demo password: {person['password']}",
            f"Portal: {portal}",
            f"MCP server: {server['url']}",
            f"Key: {key['key']}",
            "Search it as an agent would:",
            f"  .venv/bin/python examples/agent.py {server['url']} {key['key']} {_QUESTION!r}",
            "Everything starts afresh next time. Ctrl-C ends it.",
        ]
    )


async def _post(api: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = await api.post(path, json=body)
    if reply.is_error:
        raise StartProblem(f"The demo could not be set up: {path} answered {reply.status_code} {reply.text}")
    made: dict[str, Any] = reply.json()
    return made


if __name__ == "__main__":
    sys.exit(main())
