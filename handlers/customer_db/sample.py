"""The sample's own SQLite file: ten customers that may be searched, read and, where writes are allowed, changed.

Everything here blocks for a few milliseconds and is meant for a thread. Every call opens the file anew, which costs a
fifth of a millisecond and leaves nothing open between calls.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from errors import Conflict, NotFound, SourceUnavailable
from handlers.customer_db.sample_data import CUSTOMERS, SCHEMA
from services.customer_database.fts5 import fts5_phrase
from services.words import search_words

Status = Literal["active", "disabled"]

FILE_NAME: Final = "customers.sqlite3"
COLUMNS: Final = ("id", "name", "email", "phone", "status", "created_at", "updated_at")
_SELECTED: Final = ", ".join(f"customers.{name}" for name in COLUMNS)
_ADDED: Final = ", ".join(COLUMNS)
_VERSION: Final = 1
_WAIT_S: Final = 5.0
_PHONE_DIGITS: Final = "replace(replace(replace(phone, ' ', ''), '-', ''), '.', '')"
_PHONE_PART: Final = re.compile(r"[0-9][0-9().\-/]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One row, as it is kept: moments in ISO 8601, UTC."""

    id: int
    name: str
    email: str
    phone: str | None
    status: Status
    created_at: str
    updated_at: str


class SampleStore:
    """The customers in one folder. The first use creates them; of two processes at once, one does."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME

    def search(self, text: str, limit: int) -> Sequence[Customer]:
        """The customers that match all words of the text; if there are none, those that match most of them."""
        words = search_words(text)
        if not words:
            return ()
        with self._reading() as connection:
            rows = connection.execute(*_search_statement(words, limit)).fetchall()
        complete = [row for row in rows if row["matched"] == len(words)]
        return [_customer(row) for row in complete or rows]

    def get(self, id: int) -> Customer:
        """Raises NotFound."""
        with self._reading() as connection:
            return _get(connection, id)

    def pick(self, ids: Sequence[int]) -> Sequence[Customer]:
        """Those of these customers that are there."""
        statement = f"SELECT {_SELECTED} FROM customers WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - own names
        with self._reading() as connection:
            rows = connection.execute(statement, (json.dumps(ids),)).fetchall()
        return [_customer(row) for row in rows]

    def list(self, *, status: Status | None, limit: int, after: int = 0) -> Sequence[Customer]:
        """Customers in the order of their ids, beginning behind the id `after`."""
        statement = (
            f"SELECT {_SELECTED} FROM customers"  # noqa: S608 - made of our own column names
            " WHERE id > :after AND (:status IS NULL OR status = :status) ORDER BY id LIMIT :limit"
        )
        with self._reading() as connection:
            rows = connection.execute(statement, {"after": after, "status": status, "limit": limit}).fetchall()
        return [_customer(row) for row in rows]

    def count(self, status: Status | None) -> int:
        """How many there are, of this status if one is given."""
        statement = "SELECT count(*) FROM customers WHERE :status IS NULL OR status = :status"
        with self._reading() as connection:
            number: int = connection.execute(statement, {"status": status}).fetchone()[0]
        return number

    def add(self, *, name: str, email: str, phone: str | None, status: Status, now: datetime) -> Customer:
        """Raises Conflict if another customer has this e-mail address, in whatever case."""
        statement = (
            "INSERT INTO customers (name, email, phone, status, created_at, updated_at)"
            " VALUES (:name, :email, :phone, :status, :now, :now)"
        )
        values = {"name": name, "email": email, "phone": phone, "status": status, "now": _moment(now)}
        with self._writing() as connection, _one_customer_per_address():
            row = connection.execute(f"{statement} RETURNING {_ADDED}", values).fetchone()
            return _customer(row)

    def update(self, id: int, *, changes: Mapping[str, str], now: datetime) -> Customer:
        """Sets the named columns among name, email, phone and status. Raises NotFound and Conflict.

        `updated_at` moves only if something really changed, so that saying the same twice is saying it once.
        """
        unknown = changes.keys() - {"name", "email", "phone", "status"}
        if unknown:
            raise ValueError(f"not for changing: {sorted(unknown)}")
        with self._writing() as connection, _one_customer_per_address():
            before = _get(connection, id)
            if all(getattr(before, name) == value for name, value in changes.items()):
                return before
            assignments = ", ".join(f"{name} = :{name}" for name in changes)
            statement = f"UPDATE customers SET {assignments}, updated_at = :now WHERE id = :id"  # noqa: S608 - own names
            connection.execute(statement, {**changes, "now": _moment(now), "id": id})
            return _get(connection, id)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as connection:
            connection.execute("PRAGMA query_only = ON")
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as connection, _immediately(connection):
            yield connection

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._file, timeout=_WAIT_S, isolation_level=None)) as connection:
                connection.row_factory = sqlite3.Row
                if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                    _create(connection)
                yield connection
        except sqlite3.OperationalError as error:
            raise SourceUnavailable("The sample database is busy or its folder cannot be written.") from error


def _create(connection: sqlite3.Connection) -> None:
    """Everything or nothing: who waited for somebody else's creation finds it done."""
    with _immediately(connection):
        if connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
            return
        for statement in SCHEMA:
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO customers (name, email, phone, status, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
            CUSTOMERS,
        )
        connection.execute(f"PRAGMA user_version = {_VERSION}")


@contextmanager
def _immediately(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that is the only writer from its beginning, waiting up to 5 s for another one."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:  # whatever ends the block, nothing half-done stays
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def _one_customer_per_address() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise Conflict("Another customer already has this e-mail address.") from error


def _get(connection: sqlite3.Connection, id: int) -> Customer:
    statement = f"SELECT {_SELECTED} FROM customers WHERE id = ?"  # noqa: S608 - made of our own column names
    row = connection.execute(statement, (id,)).fetchone()
    if row is None:
        raise NotFound("There is no customer with this id.")
    return _customer(row)


def _search_statement(words: Sequence[str], limit: int) -> tuple[str, dict[str, object]]:
    """Rows that match any word, those with the most words first and then by BM25, and the count as `matched`.

    A word counts as the beginning of a word of the text, and as a part of the phone number if it looks like one.
    """
    values: dict[str, object] = {"limit": limit, "any": " OR ".join(map(_beginning, words))}
    matches = []
    for index, word in enumerate(words):
        values[f"word{index}"] = _beginning(word)
        matches.append(f"SELECT {index}, rowid FROM customer_texts WHERE customer_texts MATCH :word{index}")  # noqa: S608 - own names
        if _PHONE_PART.fullmatch(word):
            values[f"digits{index}"] = f"%{re.sub('[^0-9]', '', word)}%"
            matches.append(f"SELECT {index}, id FROM customers WHERE {_PHONE_DIGITS} LIKE :digits{index}")  # noqa: S608 - own names
    statement = f"""
        WITH matches (word, id) AS ({" UNION ".join(matches)}),
        counted (id, matched) AS (SELECT id, count(*) FROM matches GROUP BY id),
        ranked (id, rank) AS (SELECT rowid, rank FROM customer_texts WHERE customer_texts MATCH :any)
        SELECT {_SELECTED}, counted.matched AS matched
        FROM counted JOIN customers ON customers.id = counted.id LEFT JOIN ranked ON ranked.id = counted.id
        ORDER BY counted.matched DESC, ranked.rank, customers.id LIMIT :limit
    """  # noqa: S608 - made of our own names; every word is bound
    return statement, values


def _beginning(word: str) -> str:
    """The word in any of its forms, or words that begin with it: two letters alone would begin too many.

    Both are asked for, because FTS5 takes the stem of a word but not of a beginning.
    """
    phrase = fts5_phrase(word)
    return f"({phrase} OR {phrase}*)" if len(word) > 2 else phrase  # noqa: PLR2004 - said above


def _customer(row: sqlite3.Row) -> Customer:
    return Customer(**{name: row[name] for name in COLUMNS})


def _moment(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
