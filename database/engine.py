"""One database, two engines: SQLite for a single machine, PostgreSQL for more.

SQLite gets explicit transactions: BEGIN IMMEDIATE for those that write, BEGIN for those that only read. The driver's
own implicit BEGIN loses concurrent read-modify-writes, and a plain BEGIN that writes later fails with "database is
locked".

PostgreSQL may stop answering without a word: its machine hangs, or a firewall forgets the connection. So there is a
limit to what is waited for, per statement, and DatabaseAway behind it. What legitimately takes long is done
`unhurried`.
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
from sqlalchemy import URL, Connection, NullPool, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from database.sqlite import connect
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
_PATIENCE_S: Final = 5.0
"""For a connection to be had, and then for each statement to be answered."""
_UNHURRIED_S: Final = 3_600.0
_FAREWELL_S: Final = 1.0
_IDLE_S: Final = 60
"""After so long without a statement PostgreSQL ends a transaction of ours: we may be gone without it having heard."""
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

    def __init__(self, url: str | URL, *, unhurried: bool = False) -> None:
        self.engine: AsyncEngine = open_engine(url, unhurried=unhurried)
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
                await self._connect(session)
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
                    async with asyncio.timeout(_BUSY_TIMEOUT_MS / 1_000):
                        await stack.enter_async_context(self._turn)
                session = await stack.enter_async_context(AsyncSession(self._immediate, expire_on_commit=False))
                await stack.enter_async_context(session.begin())
                await self._connect(session)
                yield session
        except _MAY_BE_AWAY as error:
            _tell_if_away(error)
            raise

    def unhurried(self) -> Database:
        """The same database for statements that may take up to an hour: a migration, a look at the whole trail. It
        keeps no connections, so there is nothing to close."""
        return self if self.is_sqlite else Database(self.engine.url, unhurried=True)

    async def _connect(self, session: AsyncSession) -> None:
        """Waiting for a connection, opening it and trying it have one limit together."""
        if not self.is_sqlite:
            async with asyncio.timeout(_PATIENCE_S):
                await session.connection()

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


def open_engine(url: str | URL, *, unhurried: bool = False) -> AsyncEngine:
    """An engine whose connections behave as the module says. Its errors never quote what was bound: hashes, sealed
    secrets and addresses would end in the log. The folder of a SQLite file is made if it is missing."""
    parsed = make_url(url)
    return _open_sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _open_postgresql(parsed, unhurried)


def _open_postgresql(url: URL, unhurried: bool) -> AsyncEngine:
    pool: dict[str, Any] = {
        "pool_size": _POOL_SIZE,
        "max_overflow": _POOL_SIZE,
        "pool_timeout": _PATIENCE_S,
        "pool_pre_ping": True,
    }
    limits = {
        "timeout": _PATIENCE_S,
        "command_timeout": _UNHURRIED_S if unhurried else _PATIENCE_S,
        "connection_class": _Connection,
    }
    engine = create_async_engine(
        url, hide_parameters=True, connect_args=limits, **({"poolclass": NullPool} if unhurried else pool)
    )
    if not unhurried:
        event.listen(engine.sync_engine, "connect", _limit_idling)
    event.listen(engine.sync_engine, "handle_error", _drop_what_hangs)
    return engine


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """Leaves with or without an answer to its goodbye: a server that hangs gives none."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's own signature
        with suppress(TimeoutError):
            await super().close(timeout=_FAREWELL_S if timeout is None else min(timeout, _FAREWELL_S))


def _limit_idling(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    """By a statement, because poolers between us and PostgreSQL refuse settings that they do not know at the start."""
    cursor = connection.cursor()
    cursor.execute(f"SET idle_in_transaction_session_timeout = '{_IDLE_S}s'")
    cursor.close()
    connection.commit()


def _drop_what_hangs(context: ExceptionContext) -> None:
    """A connection on which a statement was not answered in time is closed, with no ROLLBACK that would wait as long
    again; asyncpg asks the server to stop that statement. The others may be well."""
    if isinstance(context.original_exception, TimeoutError):
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False


def _open_sqlite(url: URL) -> AsyncEngine:
    if url.database and url.database != ":memory:":
        with suppress(OSError):  # connecting will say what is wrong
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(
        url,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_SIZE,
        hide_parameters=True,
        connect_args={"async_creator_fn": connect},
    )
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
