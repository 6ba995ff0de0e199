"""One database, two engines: SQLite for a single machine, PostgreSQL for more.

SQLite gets explicit transactions: BEGIN IMMEDIATE for those that write, BEGIN for those that only read. The driver's
own implicit BEGIN loses concurrent read-modify-writes, and a plain BEGIN that writes later fails with "database is
locked".
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import asyncpg
import structlog
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from errors import DatabaseAway

BEGIN_OPTION: Final = "gatehouse_begin"
"""The execution option that names the statement a SQLite transaction begins with; plain BEGIN without it."""
_BUSY_TIMEOUT_MS: Final = 10_000
_POOL_SIZE: Final = 10
_PRAGMAS: Final = (
    f"busy_timeout={_BUSY_TIMEOUT_MS}",
    "foreign_keys=ON",
    "synchronous=FULL",
    "temp_store=MEMORY",
    "secure_delete=ON",  # what is deleted is overwritten in the file, not only unlinked from it
)
_PATIENCE_S: Final = 5
"""For a connection: to be opened, or to be given back by somebody else."""
_MAY_BE_AWAY: Final = (
    OSError,
    DBAPIError,
    PoolTimeout,
    # What the driver raises while it connects is not wrapped.
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
)

log = structlog.get_logger()


class Database:
    """Hands out transactions. Close it when the process ends."""

    def __init__(self, url: str) -> None:
        self.engine: AsyncEngine = open_engine(url)
        self.is_sqlite: Final = self.engine.dialect.name == "sqlite"
        # SQLite's readers see one state as it is. PostgreSQL's would see another one in each statement.
        self._snapshot = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        )
        self._immediate = self.engine.execution_options(**{BEGIN_OPTION: "BEGIN IMMEDIATE"})
        # SQLite has one writer at a time anyway. Waiting for it here is fair and free; its own busy handler polls and
        # lets late comers pass, which starves some of 200 concurrent writers.
        self._turn: asyncio.Lock | None = asyncio.Lock() if self.is_sqlite else None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that sees one state of the database and changes nothing. Raises DatabaseAway."""
        try:
            async with AsyncSession(self._snapshot, expire_on_commit=False, autoflush=False) as session:
                yield session
        except _MAY_BE_AWAY as error:
            _tell_if_away(error)
            raise

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A transaction, committed when the block ends well and rolled back when it raises. Raises DatabaseAway."""
        try:
            async with AsyncExitStack() as stack:
                if self._turn is not None:
                    await stack.enter_async_context(self._turn)
                session = await stack.enter_async_context(AsyncSession(self._immediate, expire_on_commit=False))
                await stack.enter_async_context(session.begin())
                yield session
        except _MAY_BE_AWAY as error:
            _tell_if_away(error)
            raise

    async def scrub(self) -> bool:
        """Writes SQLite's files anew, so that they hold nothing but what the tables hold, and empties the write-ahead
        log. Whether it could: it needs a moment in which nobody else reads or writes. PostgreSQL's own vacuum does this
        in its time, and nothing is done here."""
        if not self.is_sqlite:
            return True
        async with self.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if driver is None:
                raise RuntimeError("the SQLite driver gave no connection")
            try:
                await driver.execute("VACUUM")
                cursor = await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                busy, *_ = await cursor.fetchone()
            except sqlite3.OperationalError:
                return False
        return not busy

    async def aclose(self) -> None:
        await self.engine.dispose()


def _tell_if_away(error: Exception) -> None:
    """Raises DatabaseAway for what says that the database cannot be reached or cannot work; not for a statement that it
    would not run."""
    if isinstance(error, DBAPIError):
        code = getattr(error.orig, "sqlite_errorcode", None)
        cannot_work = code is not None and isinstance(error, OperationalError) and code & 0xFF != sqlite3.SQLITE_ERROR
        if not (error.connection_invalidated or cannot_work):
            return
    log.warning("database.away", error=type(getattr(error, "orig", None) or error).__name__)
    raise DatabaseAway from error


def open_engine(url: str) -> AsyncEngine:
    """An engine whose connections behave as the module says. Its errors never quote what was bound: hashes, sealed
    secrets and addresses would end in the log. The folder of a SQLite file is made if it is missing."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_async_engine(
            url,
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_SIZE,
            pool_timeout=_PATIENCE_S,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"timeout": _PATIENCE_S},
        )
    if parsed.database and parsed.database != ":memory:":
        with suppress(OSError):  # connecting will say what is wrong
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, pool_size=_POOL_SIZE, max_overflow=_POOL_SIZE, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    driver: Any = connection  # the DBAPI protocol does not know sqlite3's own attribute
    driver.isolation_level = None  # BEGIN is ours
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(BEGIN_OPTION, "BEGIN"))


async def use_write_ahead_log(engine: AsyncEngine) -> None:
    """Switches a SQLite database to WAL, which it stays in. Another process may be doing the same at this moment, and
    SQLite does not wait for its lock here, so this asks again for up to five seconds."""
    for _ in range(50):
        try:
            async with engine.connect() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                if driver is None:
                    raise RuntimeError("the SQLite driver gave no connection")
                await driver.execute("PRAGMA journal_mode=WAL")
                return
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
            await asyncio.sleep(0.1)
    raise TimeoutError("the database stays locked; is another program holding it open?")
