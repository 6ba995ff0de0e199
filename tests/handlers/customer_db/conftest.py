"""One server of each kind for the whole run, and a filled database on each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers.base import DatabaseRules, Lent
from handlers.customer_db import HANDLER
from handlers.customer_db.source import DatabaseSource
from services.customer_database.database import Limits
from services.egress import Egress
from tests.handlers.contract import NOW
from tests.handlers.customer_db.shops import Shop, mariadb_shop, postgres_shop, postgres_template, sqlite_shop
from tests.servers.mariadb import MariaDbServer, running_mariadb
from tests.servers.postgres import PostgresServer
from tests.servers.processes import ServerMissing

KINDS = ("sqlite", "postgresql", "mariadb")
PUBLIC_ONLY = Egress()
"""Made once: it reads the system's certificates."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def filled_postgres(postgres: PostgresServer) -> str:
    """The name of a filled database to copy."""
    return postgres_template(postgres)


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
            template = request.getfixturevalue("filled_postgres")
            return postgres_shop(request.getfixturevalue("postgres"), template)
        if kind == "mariadb":
            return mariadb_shop(request.getfixturevalue("mariadb_server"))
        return sqlite_shop(tmp_path_factory.mktemp("shop"))

    return open_one


@pytest.fixture(scope="session")
def shared_shop(open_shop: Callable[[str], Shop]) -> Callable[[str], Shop]:
    """The filled database of a kind that no test changes."""
    return functools.cache(open_shop)


@pytest.fixture(params=KINDS)
def shop(request, shared_shop: Callable[[str], Shop]) -> Shop:
    """A filled database that no test changes."""
    return shared_shop(request.param)


@pytest.fixture(params=[kind for kind in KINDS if kind != "sqlite"])
def served(request, shared_shop: Callable[[str], Shop]) -> Shop:
    """The same, behind a server."""
    return shared_shop(request.param)


@pytest.fixture(params=KINDS)
def own_shop(request, open_shop: Callable[[str], Shop]) -> Shop:
    """A filled database of this test alone."""
    return open_shop(request.param)


@pytest.fixture(params=[kind for kind in KINDS if kind != "sqlite"])
def own_served(request, open_shop: Callable[[str], Shop]) -> Shop:
    """A database behind a server, with a user whom no other test connects as."""
    return open_shop(request.param)


@pytest.fixture
async def connect(tmp_path: Path):
    """Connects sources, and closes them at the end."""
    connected: list[DatabaseSource] = []

    def connect_one(
        shop: Shop,
        limits: Limits | None = None,
        rules: DatabaseRules | None = None,
        egress: Egress | None = None,
        **settings: Any,
    ):
        config = HANDLER.config.model_validate({**shop.settings, **settings})
        source = DatabaseSource(config, lend(shop, tmp_path, rules, egress), limits)
        connected.append(source)
        return source

    yield connect_one
    for source in connected:
        await source.aclose()


def lend(shop: Shop, folder: Path, rules: DatabaseRules | None = None, egress: Egress | None = None) -> Lent:
    return Lent(clock=lambda: NOW, folder=folder, databases=rules or shop.rules, egress=egress or PUBLIC_ONLY)
