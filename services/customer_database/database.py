"""A customer's database, opened to be read: a small pool, one transaction per use, a deadline, and caps.

database = Database(PostgreSql(address, password))
async with database.reading() as session:
    rows = await session.rows(statement, most=100)
await database.aclose()
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Executable, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from errors import GatehouseError, SourceTimeout, SourceUnavailable

POOL_SIZE: Final = 2
POOL_AT_MOST: Final = 4
_BATCH_ROWS: Final = 50
_FAREWELL_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how much one use of the database may take."""

    connect: timedelta = timedelta(seconds=5)
    statement: timedelta = timedelta(seconds=9)
    """Held by the server itself."""
    whole: timedelta = timedelta(seconds=10)
    """Held here: everything between getting a connection and giving it back."""
    rows: int = 1_000
    size_bytes: int = 8_000_000
    """Roughly, of all values of one answer."""
    idle: timedelta = timedelta(seconds=60)
    """Connections that nobody has used for so long are closed."""


class Dialect(Protocol):
    """What differs between the kinds of databases. A `driver` is a connection of the kind's own library."""

    name: str
    """What SQLAlchemy calls it: `postgresql+asyncpg`."""
    limits: Limits
    errors: tuple[type[Exception], ...]
    """What the kind's own library raises."""

    async def open(self, *, writing: bool) -> Any:
        """A new connection, made from nothing but what we were told: no environment, no files of the user's."""
        ...

    async def begin(self, driver: Any, *, writing: bool) -> None:
        """Begins a transaction that the server itself keeps from writing, unless `writing`."""
        ...

    async def end(self, driver: Any, *, keep: bool) -> None:
        """Commits or rolls back, and leaves the session as if it were new."""
        ...

    def is_lost(self, driver: Any) -> bool:
        """Whether the server has closed the connection, as far as can be known without asking it."""
        ...

    async def stop(self, driver: Any) -> None:
        """Makes the server stop what it still does for a connection that we gave up."""
        ...

    def explain(self, error: BaseException) -> GatehouseError | None:
        """What an error of the driver means to its owner; None if it can only be a mistake of ours."""
        ...


class Session:
    """One transaction."""

    def __init__(self, connection: AsyncConnection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits

    async def rows(
        self, statement: Executable, values: Mapping[str, object] | None = None, *, most: int | None = None
    ) -> Sequence[tuple[Any, ...]]:
        """All rows, fetched in batches. Raises SourceUnavailable beyond `most` rows or the limit of bytes."""
        most = self._limits.rows if most is None else most
        rows: list[tuple[Any, ...]] = []
        size = 0
        async with self._connection.stream(statement, values) as result:
            async for batch in result.partitions(_BATCH_ROWS):
                rows += map(tuple, batch)
                size += sum(_size(value) for row in batch for value in row)
                if len(rows) > most or size > self._limits.size_bytes:
                    raise SourceUnavailable(
                        f"The answer is larger than {most:,} rows or {self._limits.size_bytes // 1_000_000} MB."
                    )
        return rows

    async def first_rows(
        self, statement: Executable, values: Mapping[str, object], *, most: int
    ) -> tuple[Sequence[str], Sequence[tuple[Any, ...]], bool]:
        """The names of the columns, at most `most` rows, and whether these are all."""
        rows: list[tuple[Any, ...]] = []
        async with self._connection.stream(statement, values) as result:
            names = tuple(result.keys())
            size = 0
            async for row in result:
                size += sum(_size(value) for value in row)
                if len(rows) == most or size > self._limits.size_bytes:
                    return names, rows, False
                rows.append(tuple(row))
        return names, rows, True

    async def write(self, statement: Executable) -> Any:
        """Runs a statement that changes something; the key that the database gave to an added row."""
        result = await self._connection.execute(statement)
        key = result.inserted_primary_key
        return key[0] if key else None


class Database:
    """Opened by the first use, closed when it has been idle for a while, and opened again by the next use."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._pool: AsyncEngine | None = None
        self._uses = 0
        self._idle: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Session]:
        """A transaction that cannot write. Raises the SourceErrors that the kind of database explains."""
        pool = self._used()
        try:
            async with self._session(pool, writing=False) as session:
                yield session
        finally:
            self._released()

    def _used(self) -> AsyncEngine:
        self._uses += 1
        if self._idle is not None:
            self._idle.cancel()
        if self._pool is None:
            self._pool = self._engine(
                poolclass=AsyncAdaptedQueuePool,
                pool_size=POOL_SIZE,
                max_overflow=POOL_AT_MOST - POOL_SIZE,
                pool_timeout=self._dialect.limits.connect.total_seconds(),
                pool_recycle=300,
            )
        return self._pool

    def _released(self) -> None:
        self._uses -= 1
        if self._uses == 0:
            idle = self._dialect.limits.idle.total_seconds()
            self._idle = asyncio.get_running_loop().call_later(idle, self._close_idle)

    def _close_idle(self) -> None:
        if self._uses == 0:
            task = asyncio.ensure_future(self.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Session]:
        """A transaction on a connection of its own, committed at the end of the block."""
        engine = self._engine(poolclass=NullPool, writing=True)
        try:
            async with self._session(engine, writing=True) as session:
                yield session
        finally:
            await engine.dispose()

    async def aclose(self) -> None:
        """Closes every connection."""
        if self._idle is not None:
            self._idle.cancel()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.dispose()

    def _engine(self, *, writing: bool = False, **options: Any) -> AsyncEngine:
        async def open_one() -> Any:
            return await self._dialect.open(writing=writing)

        engine = create_async_engine(
            f"{self._dialect.name}://",
            async_creator=open_one,
            # Transactions are begun and ended by the dialect, which knows how to make them hold.
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            hide_parameters=True,
            **options,
        )
        event.listen(engine.sync_engine, "checkout", self._refuse_lost)
        return engine

    def _refuse_lost(self, connection: Any, *_: object) -> None:
        """Makes the pool replace a connection that was closed while nobody used it, by a server that was started anew
        or ends idle sessions."""
        if self._dialect.is_lost(connection.driver_connection):
            raise DisconnectionError

    @asynccontextmanager
    async def _session(self, engine: AsyncEngine, *, writing: bool) -> AsyncIterator[Session]:
        limits = self._dialect.limits
        deadline = asyncio.timeout(limits.whole.total_seconds())
        try:
            async with deadline:
                connection = await engine.connect()
                async with self._transaction(connection, writing=writing):
                    yield Session(connection, limits)
        except PoolTimeout as error:
            raise SourceUnavailable("All connections to this database are in use. Try again in a moment.") from error
        except GatehouseError:
            raise
        except Exception as error:  # drivers raise what they like; what the dialect cannot explain is passed on
            if isinstance(error, TimeoutError) and deadline.expired():
                seconds = limits.whole.total_seconds()
                raise SourceTimeout(f"The database took longer than {seconds:.0f} s.") from error
            explained = self._dialect.explain(driver_error(error))
            if explained is None:
                raise
            raise explained from error

    @asynccontextmanager
    async def _transaction(self, connection: AsyncConnection, *, writing: bool) -> AsyncIterator[None]:
        """Ends the transaction and gives the connection back; one that cannot be cleaned is thrown away."""
        driver: Any = (await connection.get_raw_connection()).driver_connection
        clean = False
        try:
            await self._dialect.begin(driver, writing=writing)
            try:
                yield
            except (asyncio.CancelledError, TimeoutError):
                raise
            except BaseException:  # whatever ends the block ends the transaction, and is passed on
                await self._dialect.end(driver, keep=False)
                clean = True
                raise
            await self._dialect.end(driver, keep=writing)
            clean = True
        finally:
            if clean:
                await connection.close()
            else:
                await _finish(self._give_up(connection, driver))

    async def _give_up(self, connection: AsyncConnection, driver: Any) -> None:
        with suppress(Exception):
            async with asyncio.timeout(_FAREWELL_S):
                await self._dialect.stop(driver)
        with suppress(Exception):
            await connection.invalidate()
        with suppress(Exception):
            await connection.close()


async def _finish(work: Any) -> None:
    """Runs the work to its end although the caller has been cancelled, and may be so again."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise


def driver_error(error: BaseException) -> BaseException:
    """The driver's own exception, out of SQLAlchemy's and its adapter's wrappings."""
    while isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    if type(error).__module__.startswith("sqlalchemy") and error.__cause__ is not None:
        return error.__cause__
    return error


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | bytes) else 8
