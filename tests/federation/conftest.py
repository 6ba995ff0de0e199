"""A federation over scripted sources, without a gateway before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from database.engine import Database
from database.sealing import Sealer
from federation.connections import Connections
from federation.directory import ServedServer, ServedSource
from federation.federation import Federation
from federation.health import Health
from handlers.base import DatabaseRules, Lent
from main import utc_now
from schemas.answers import SourceReport
from services.egress import Egress
from tests.federation.servers import public_server
from tests.scripted import Script, Stage, Theatre, theatre


@dataclass
class Workshop:
    """Everything a search needs but a server: `serve` makes one of scripts."""

    federation: Federation
    connections: Connections
    folder: Path
    stage: Stage = field(default_factory=Stage)

    def rebuilt(self, **how: Any) -> Workshop:
        """The same with another federation; the one before must not be used any longer."""
        federation = Federation(self.connections, self.federation._health, **{"reuse": timedelta(0), **how})
        return replace(self, federation=federation)

    def source(self, name: str, script: Script, **more: Any) -> ServedSource:
        self.stage.scripts[name] = script
        values: dict[str, Any] = {
            "id": uuid4(),
            "key": f"script-{name}",
            "name": name,
            "type": "scripted",
            "config": {"script": name},
            "sealed": None,
            "version": 1,
            "status": "unchecked",
            "enabled": True,
            "budget": timedelta(seconds=4),
            "exposed_tools": None,
            **more,
        }
        return ServedSource(**values)

    def serve(self, *sources: ServedSource, deadline_s: float = 10, results: int = 20) -> ServedServer:
        return public_server(sources, deadline_s=deadline_s, results=results)

    def scripted(self, deadline_s: float = 10, results: int = 20, **scripts: Script) -> ServedServer:
        """A server with one source per script."""
        return self.play(scripts, deadline_s=deadline_s, results=results)

    def play(self, scripts: Mapping[str, Script], deadline_s: float = 10, results: int = 20) -> ServedServer:
        """The same for scripts whose names are not known beforehand."""
        sources = [self.source(name, script) for name, script in scripts.items()]
        return self.serve(*sources, deadline_s=deadline_s, results=results)


class Unwatched(Health):
    """Writes nothing: its own tests go through a whole Gatehouse."""

    def note(self, served: ServedSource, report: SourceReport, budget: timedelta) -> None:
        pass


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[Workshop]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'never.db'}")
    stage = Stage()
    egress = Egress()

    def lend(folder: Path) -> Lent:
        return Lent(clock=utc_now, folder=folder, databases=DatabaseRules(), egress=egress)

    folder = tmp_path / "sources"
    connections = Connections(stage.registry(), Sealer([bytes(32)]), lend, folder)
    federation = Federation(connections, Unwatched(database), reuse=timedelta(0))
    yield Workshop(federation, connections, folder, stage)
    await connections.aclose()
    await database.aclose()


@pytest.fixture
async def scene(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Theatre]:
    async with theatre(sqlite_url, tmp_path) as running:
        yield running
