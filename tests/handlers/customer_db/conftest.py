"""One server of each kind for the whole run, and a filled database on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers.base import DatabaseRules, Lent
from handlers.customer_db import HANDLER
from handlers.customer_db.source import DatabaseSource
from services.customer_database.database import Limits
from tests.handlers.contract import NOW
from tests.handlers.customer_db.shops import Shop, mariadb_shop, postgres_shop, sqlite_shop
from tests.servers.mariadb import MariaDbServer, running_mariadb
from tests.servers.postgres import PostgresServer, running_postgres
from tests.servers.processes import ServerMissing

KINDS = ("sqlite", "postgresql", "mariadb")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    try:
        with running_postgres() as server:
            yield server
    except ServerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDbServer]:
    try:
        with running_mariadb() as server:
            yield server
    except ServerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def open_shop(request, tmp_path_factory) -> Callable[[str], Shop]:
    """Makes a new filled database of a kind."""

    def open_one(kind: str) -> Shop:
        if kind == "postgresql":
            return postgres_shop(request.getfixturevalue("postgres_server"))
        if kind == "mariadb":
            return mariadb_shop(request.getfixturevalue("mariadb_server"))
        return sqlite_shop(tmp_path_factory.mktemp("shop"))

    return open_one


@pytest.fixture(scope="session", params=KINDS)
def shop(request, open_shop: Callable[[str], Shop]) -> Shop:
    """A filled database that no test changes."""
    return open_shop(request.param)


@pytest.fixture(params=KINDS)
def own_shop(request, open_shop: Callable[[str], Shop]) -> Shop:
    """A filled database of this test alone."""
    return open_shop(request.param)


@pytest.fixture
async def connect(tmp_path: Path):
    """Connects sources, and closes them at the end."""
    connected: list[DatabaseSource] = []

    def connect_one(shop: Shop, limits: Limits | None = None, rules: DatabaseRules | None = None, **settings: Any):
        config = HANDLER.config.model_validate({**shop.settings, **settings})
        source = DatabaseSource(config, lend(shop, tmp_path, rules), limits)
        connected.append(source)
        return source

    yield connect_one
    for source in connected:
        await source.aclose()


def lend(shop: Shop, folder: Path, rules: DatabaseRules | None = None) -> Lent:
    return Lent(clock=lambda: NOW, folder=folder, databases=rules or shop.rules)
