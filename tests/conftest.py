"""Fixtures that most tests share: both databases, a Gatehouse in this process, and one on real sockets."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from database.engine import Database
from database.migrations import upgrade
from tests.servers.postgres import PostgresServer, running_postgres
from tests.servers.processes import ServerMissing
from tests.stand import Stand, forgo_disk, settings_for, stand

ENGINES = ("sqlite", "postgresql")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: one more than there are processors, because half of the time tests wait, for other processes and
    for what is slow on purpose."""
    return (os.cpu_count() or 1) + 1


def pytest_sessionstart() -> None:
    """Nothing becomes garbage while tests are collected; looking for it would take a fifth of that time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is there by now stays to the end, and is not looked through again and again."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """In the log of a failed test, without the value of every variable: those take half a minute to render."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    try:
        with running_postgres() as server:
            yield server
    except ServerMissing as missing:
        pytest.skip(f"the PostgreSQL half is not tested: {missing}")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file to copy."""
    path = tmp_path_factory.mktemp("template") / "gatehouse.db"
    _migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """A migrated database to copy."""
    name = postgres.create_database()
    _migrate(postgres.url(name))
    return name


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test's own, at the newest revision; the test runs once per engine."""
    if request.param == "sqlite":
        path = tmp_path / "gatehouse.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.create_database(request.getfixturevalue("postgres_template"))
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """For tests of what does not depend on the engine."""
    path = tmp_path / "gatehouse.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    forgo_disk(opened)
    yield opened
    await opened.aclose()


@pytest.fixture
async def gatehouse(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    """A running Gatehouse on SQLite, reached without sockets."""
    async with stand(settings_for(sqlite_url, tmp_path)) as running:
        yield running


@pytest.fixture
async def gatehouse_on_both(database_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    """The same, once per engine."""
    async with stand(settings_for(database_url, tmp_path)) as running:
        yield running


def _migrate(url: str) -> None:
    async def migrate() -> None:
        database = Database(url)
        await upgrade(database.engine)
        await database.aclose()

    asyncio.run(migrate())
