"""A statement is one trip to SQLite's thread, and leaves nothing open behind it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from database.engine import Database
from database.sqlite import Connection, Cursor, connect

pytestmark = pytest.mark.anyio


class Counting(Connection):
    """Counts its trips."""

    trips = 0

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        self.trips += 1
        return await super()._execute(fn, *args, **kwargs)


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Counting]:
    opened = Counting(lambda: sqlite3.connect(tmp_path / "x.db", isolation_level=None), 64)
    await opened
    await run(opened, "CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT UNIQUE)")
    yield opened
    await opened.close()


async def run(connection: Connection, sql: str, *parameters: Any) -> Cursor:
    async with asyncio.timeout(5):
        cursor = await connection.cursor().__aenter__()
        return await cursor.execute(sql, parameters)


async def test_a_statement_and_its_rows_are_one_trip(connection: Counting):
    before = connection.trips
    cursor = await run(connection, "SELECT 1 AS one, 'two' UNION SELECT 3, 'four'")
    assert list(await cursor.fetchall()) == [(1, "two"), (3, "four")]
    assert [column[0] for column in cursor.description] == ["one", "'two'"]
    await cursor.close()
    assert connection.trips == before + 1


async def test_it_tells_what_a_cursor_tells(connection: Counting):
    cursor = await run(connection, "INSERT INTO words (word) VALUES (?), (?)", "a", "b")
    assert (cursor.rowcount, cursor.lastrowid, cursor.description) == (2, 2, None)
    cursor = await run(connection, "INSERT INTO words (word) VALUES (?) RETURNING id", "c")
    assert list(await cursor.fetchall()) == [(3,)]
    cursor = await connection.cursor().executemany("INSERT INTO words (word) VALUES (?)", [("d",), ("e",)])
    assert cursor.rowcount == 2
    assert list(await cursor.fetchall()) == []


async def test_an_error_is_the_drivers_own_and_the_next_statement_works(connection: Counting):
    await run(connection, "INSERT INTO words (word) VALUES ('a')")
    with pytest.raises(sqlite3.IntegrityError):
        await run(connection, "INSERT INTO words (word) VALUES ('a')")
    with pytest.raises(sqlite3.OperationalError):
        await run(connection, "SELECT nothing")
    assert list(await (await run(connection, "SELECT count(*) FROM words")).fetchall()) == [(1,)]


async def test_nothing_stays_open_of_a_statement_that_nobody_waits_for(connection: Counting):
    for number in range(200):
        await run(connection, "INSERT INTO words (word) VALUES (?)", str(number))
    waiting = asyncio.create_task(run(connection, "SELECT * FROM words a, words b"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await run(connection, "DROP TABLE words")  # SQLite refuses while a cursor of the connection is reading it


async def test_the_engine_uses_it(sqlite_url: str):
    database = Database(sqlite_url)
    async with database.engine.connect() as opened:
        driver = (await opened.get_raw_connection()).driver_connection
    assert isinstance(driver, Connection)
    await database.aclose()


async def test_a_file_that_cannot_be_opened_is_said_when_it_is_awaited(tmp_path: Path):
    opening = connect(str(tmp_path / "missing" / "x.db"))
    with pytest.raises(sqlite3.OperationalError):
        await opening
    await asyncio.to_thread(opening._thread.join, 5)  # it ends by itself
