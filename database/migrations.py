"""Brings a database to the newest revision, once, however many processes start at the same moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from database.engine import BEGIN_OPTION, open_engine, use_write_ahead_log

_INI: Final = Path(__file__).resolve().parent.parent / "alembic.ini"
_ADVISORY_LOCK: Final = 0x6761746568  # any number, the same in every process: "gateh"


@asynccontextmanager
async def locked(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction that holds the migration lock; both engines roll DDL back when it fails. On
    PostgreSQL it is one of its own, because waiting for the lock and changing a large table may take minutes."""
    if engine.dialect.name == "sqlite":
        await use_write_ahead_log(engine)
        engine = engine.execution_options(**{BEGIN_OPTION: "BEGIN IMMEDIATE"})
    else:
        engine = open_engine(engine.url, unhurried=True)
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
        yield connection


async def upgrade(engine: AsyncEngine, revision: str = "head") -> None:
    """All missing migrations in one transaction."""
    async with locked(engine) as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), revision))


async def downgrade(engine: AsyncEngine, revision: str) -> None:
    async with locked(engine) as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), revision))


async def is_current(engine: AsyncEngine) -> bool:
    """Whether the database is at the newest revision that this code knows."""
    async with engine.connect() as connection:
        current = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
    return set(current) == set(ScriptDirectory.from_config(Config(str(_INI))).get_heads())


def _config(connection: Connection) -> Config:
    config = Config(str(_INI))
    config.attributes["connection"] = connection
    return config
