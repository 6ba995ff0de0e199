"""SQLite's asynchronous driver with one trip to its thread per statement.

aiosqlite makes four of a SELECT: it opens a cursor, executes, fetches and closes, and after each the event loop takes
its turn. While the process is busy a turn takes 10 ms, and reading one server with its sources took 200 ms. SQLAlchemy
reads all rows of a result at once anyway, so that the four can be one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, Self

import aiosqlite

_CHUNK: Final = 64
"""Rows that aiosqlite itself would fetch at a time."""


class Cursor:
    """As much of a cursor as SQLAlchemy's dialect asks of one. What is executed is fetched too, and the cursor closed,
    also where nobody waits for it any longer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        await self._connection.in_thread(self._run, sql, parameters, many=False)
        return self

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Cursor:
        await self._connection.in_thread(self._run, sql, parameters, many=True)
        return self

    async def fetchall(self) -> Sequence[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        self._rows = []

    def _run(self, driver: sqlite3.Connection, sql: str, parameters: Sequence[Any], *, many: bool) -> None:
        cursor = driver.cursor()
        try:
            (cursor.executemany if many else cursor.execute)(sql, parameters)
            self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
            self._rows = cursor.fetchall() if cursor.description else []
        finally:
            cursor.close()


class Connection(aiosqlite.Connection):
    """aiosqlite's connection with cursors of ours."""

    def cursor(self) -> Cursor:  # type: ignore[override]  # SQLAlchemy enters it, as it does aiosqlite's own
        return Cursor(self)

    async def in_thread(self, work: Any, *arguments: Any, **options: Any) -> None:
        """Calls `work` with the driver's connection, in its thread."""
        await self._execute(lambda: work(self._conn, *arguments, **options))  # type: ignore[no-untyped-call]  # theirs


def connect(database: str, **options: Any) -> Connection:
    """For SQLAlchemy's `async_creator_fn`: a connection that opens when it is awaited."""
    connection = Connection(lambda: sqlite3.connect(database, **options), _CHUNK)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does with those that it makes
    return connection
