"""What transactions promise, on both engines."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError

from database.engine import Database
from database.models import Attempt, User
from database.models.base import Base
from errors import NotFound

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 5, 1, tzinfo=UTC)


async def add_counter(database: Database) -> None:
    async with database.writing() as session:
        session.add(Attempt(subject="counter", count=0, window_ends_at=NOW))


async def counted(database: Database) -> int | None:
    async with database.reading() as session:
        return await session.scalar(select(Attempt.count).where(Attempt.subject == "counter"))


async def test_200_concurrent_read_modify_writes_lose_nothing(database: Database):
    await add_counter(database)

    async def increment() -> None:
        async with database.writing() as session:
            row = await session.scalar(select(Attempt).where(Attempt.subject == "counter").with_for_update())
            assert row is not None
            row.count += 1

    await asyncio.gather(*(increment() for _ in range(200)))
    assert await counted(database) == 200


async def test_two_processes_worth_of_writers_lose_nothing(database: Database, database_url: str):
    """The queue inside one Database is no help between two."""
    await add_counter(database)
    other = Database(database_url)

    async def increment(through: Database) -> None:
        async with through.writing() as session:
            row = await session.scalar(select(Attempt).where(Attempt.subject == "counter").with_for_update())
            assert row is not None
            row.count += 1

    await asyncio.gather(*(increment(through) for _ in range(50) for through in (database, other)))
    await other.aclose()
    assert await counted(database) == 100


async def test_a_block_that_raises_leaves_nothing_behind(database: Database):
    async def write_and_fail() -> None:
        async with database.writing() as session:
            session.add(Attempt(subject="counter", count=1, window_ends_at=NOW))
            await session.flush()
            raise NotFound("no more of this")

    with pytest.raises(NotFound):
        await write_and_fail()
    assert await counted(database) is None
    await add_counter(database)
    assert await counted(database) == 0, "and the next writer is let in"


async def test_a_cancelled_writer_leaves_nothing_behind_and_lets_the_next_one_in(database: Database):
    inside = asyncio.Event()

    async def write() -> None:
        async with database.writing() as session:
            session.add(Attempt(subject="counter", count=1, window_ends_at=NOW))
            await session.flush()
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await counted(database) is None
    async with asyncio.timeout(5):
        await add_counter(database)


async def test_a_reader_sees_one_state_while_others_write(database: Database):
    await add_counter(database)
    async with database.reading() as session:
        query = select(Attempt.count).where(Attempt.subject == "counter")
        before = await session.scalar(query)
        async with database.writing() as writing:
            await writing.execute(text("UPDATE attempts SET count = 7 WHERE subject = 'counter'"))
        assert await session.scalar(query) == before
    assert await counted(database) == 7


async def test_writers_of_sqlite_take_their_turn_at_the_beginning_and_readers_never(sqlite_url: str):
    database = Database(sqlite_url)
    begun: list[str] = []

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def note(_connection, _cursor, statement: str, *_rest: object) -> None:
        if statement.startswith("BEGIN"):
            begun.append(statement)

    await add_counter(database)
    await counted(database)
    await database.aclose()
    assert begun == ["BEGIN IMMEDIATE", "BEGIN"]


async def test_sqlite_keeps_its_word_about_durability_and_foreign_keys(sqlite_url: str):
    database = Database(sqlite_url)
    async with database.engine.connect() as connection:
        told = {
            name: (await connection.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    await database.aclose()
    assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


async def test_errors_do_not_quote_what_was_bound(database: Database):
    row = {"id": uuid4(), "email": "canary@example.com", "email_key": "canary", "name": "x", "password_hash": "canary"}

    def user(id_: UUID) -> User:
        return User(**{**row, "id": id_}, created_at=NOW, updated_at=NOW)

    async def add_twice() -> None:
        async with database.writing() as session:
            session.add_all([user(uuid4()), user(uuid4())])

    with pytest.raises(IntegrityError, match="hidden") as caught:
        await add_twice()
    assert "canary@example.com" not in str(caught.value)


async def test_every_moment_column_is_stored_as_utc():
    moments = {
        f"{table.name}.{column.name}": type(column.type).__name__
        for table in Base.metadata.tables.values()
        for column in table.columns
        if "DateTime" in type(column.type).__name__
    }
    assert moments
    assert set(moments.values()) == {"UtcDateTime"}
