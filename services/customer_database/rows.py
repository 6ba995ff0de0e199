"""Rows of a configured table: finding one by its key, paging through them, and what a kind of database must offer."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, FromClause, Select, Text, cast, literal, null, select, true
from sqlalchemy.types import BigInteger, Uuid

from errors import Invalid
from services.customer_database.catalogue import Table, Wanted
from services.customer_database.database import Dialect, Session
from services.customer_database.moments import as_moment
from services.rendering import LONGEST_VALUE, as_lines, as_text
from services.words import search_words

LONGEST_ID: Final = 2_000
LONGEST_TITLE: Final = 500
SNIPPET: Final = 20_000
"""Characters of a column that a search reads."""
_INTEGER: Final = re.compile(r"-?[1-9][0-9]{0,18}|0")
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A table as its owner configured it: which of its columns mean what."""

    table: Table
    key: str
    title: str
    texts: Sequence[str]
    updated: str | None = None

    def column(self, name: str) -> ColumnElement[Any]:
        """The column with this name, which is known to be there."""
        return self.table.columns[name]

    @property
    def searched(self) -> Sequence[str]:
        """The columns that words are looked for in."""
        return tuple(dict.fromkeys((self.title, *self.texts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One row."""

    key: str
    title: str
    values: Mapping[str, str]
    """The text columns, without those that are NULL."""
    updated: datetime | None

    @property
    def text(self) -> str:
        """The only text column as it is, or several as `name: value`."""
        return as_lines(self.values.items()) if len(self.values) != 1 else next(iter(self.values.values()))


class Reader(Dialect, Protocol):
    """A dialect that also knows the catalogue, and how its kind of database searches."""

    rows_as_json: bool
    """Whether the rows of a query can be cut to size by the server, as JSON; see queries.py."""

    async def find_table(self, session: Session, wanted: Wanted) -> Table:
        """Raises SourceUnavailable, with the setting to mend, for what is not there."""
        ...

    async def protections(self, session: Session) -> Sequence[str]:
        """What keeps this connection from writing. Raises SourceUnavailable for a user who may do too much."""
        ...

    def readable(self, column: ColumnElement[Any], most: int) -> ColumnElement[Any]:
        """The column's value, cut to so many characters by the server; of bytes only their number."""
        ...

    def searches(self, view: View, words: Sequence[str]) -> Sequence[Search]:
        """Ways to search, each tried only if those before it did not fill the answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which rows, in which order."""

    matches: ColumnElement[bool]
    order: Sequence[ColumnElement[Any]]
    beside: FromClause | None = None
    """What is worked out once for each row, to be used by both."""
    only_if_empty: bool = False
    """A last resort, for when nothing else has found anything."""


async def search(session: Session, reader: Reader, view: View, text: str, limit: int) -> Sequence[Found]:
    """At most `limit` rows for the words of the text, best first."""
    found: dict[str, Found] = {}
    words = search_words(text)
    for way in reader.searches(view, words) if words else ():
        if len(found) >= limit or (found and way.only_if_empty):
            break
        statement = _selected(reader, view, SNIPPET).where(way.matches).order_by(*way.order).limit(limit)
        if way.beside is not None:
            statement = statement.select_from(view.table.clause.join(way.beside, true()))
        for row in await session.rows(statement):
            each = _found(view, row)
            found.setdefault(each.key, each)
    return list(found.values())[:limit]


async def find(session: Session, reader: Reader, view: View, id: str) -> Found | None:
    """The row with this key, if it is one."""
    condition = key_condition(view.column(view.key), id)
    if condition is None:
        return None
    rows = await session.rows(_selected(reader, view, LONGEST_VALUE).where(condition).limit(1))
    found = _found(view, rows[0]) if rows else None
    # MySQL finds 'a' for 'A' and 1 for '1x'; an id means one row only.
    return found if found is not None and found.key == id else None


async def page(session: Session, reader: Reader, view: View, after: str | None, limit: int) -> Sequence[Found]:
    """Rows in the order of their keys, beginning behind a key. Raises Invalid if it cannot be one."""
    key = _key(view.column(view.key))
    statement = _selected(reader, view, SNIPPET).order_by(key).limit(limit)
    if after is not None:
        if typed_value(view.column(view.key), after) is None:
            raise Invalid.field("cursor", "This is no cursor of this resource. Begin without one.")
        statement = statement.where(key > _bound(view.column(view.key), after))
    return [_found(view, row) for row in await session.rows(statement)]


async def recent(
    session: Session, reader: Reader, view: View, *, owner: str, id: str, moment: str, limit: int
) -> Sequence[Found]:
    """The rows whose column `owner` has this value, the latest by the column `moment` first."""
    condition = key_condition(view.column(owner), id)
    if condition is None:
        return ()
    statement = _selected(reader, view, SNIPPET).where(condition)
    latest_first = (view.column(moment).desc(), _key(view.column(view.key)).desc())
    rows = await session.rows(statement.order_by(*latest_first).limit(limit))
    return [_found(view, row) for row in rows]


def key_condition(column: ColumnElement[Any], id: str) -> ColumnElement[bool] | None:
    """Rows whose column has this value, written as `as_text` writes it; None for what cannot be one."""
    if typed_value(column, id) is None:
        return None
    return _key(column) == _bound(column, id)


def typed_value(column: ColumnElement[Any], id: str) -> int | str | uuid.UUID | None:
    """The value that is written so, as the column takes it; None for what cannot be one."""
    if not is_possible(id):
        return None
    if isinstance(column.type, BigInteger):
        fits = _INTEGER.fullmatch(id) and _SMALLEST <= int(id) <= _LARGEST
        return int(id) if fits else None
    if isinstance(column.type, Uuid):
        try:
            return uuid.UUID(id)
        except ValueError:
            return None
    return id


def is_possible(id: str) -> bool:
    """Whether a text can be a key at all: no longer than 2,000 characters, and one that databases can take."""
    if not 0 < len(id) <= LONGEST_ID or "\0" in id:
        return False
    try:
        id.encode()
    except UnicodeEncodeError:
        return False
    return True


def _key(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column where an index helps, else its text."""
    return column if isinstance(column.type, BigInteger | Uuid | Text) else cast(column, Text)


def _bound(column: ColumnElement[Any], id: str) -> ColumnElement[Any]:
    type_ = column.type if isinstance(column.type, BigInteger | Uuid) else Text()
    return literal(typed_value(column, id), type_)


def _selected(reader: Reader, view: View, most: int) -> Select[Any]:
    updated = null() if view.updated is None else view.column(view.updated)
    return select(
        _key(view.column(view.key)).label("row_key"),
        reader.readable(view.column(view.title), LONGEST_TITLE).label("row_title"),
        updated.label("row_updated"),
        *(reader.readable(view.column(name), most).label(f"text_{index}") for index, name in enumerate(view.texts)),
    ).select_from(view.table.clause)


def _found(view: View, row: tuple[Any, ...]) -> Found:
    key, title, updated, *texts = row
    return Found(
        key=as_text(key),
        title=as_text(title) or as_text(key),
        values={name: as_text(value) for name, value in zip(view.texts, texts, strict=True) if value is not None},
        updated=as_moment(updated),
    )
