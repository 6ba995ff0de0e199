"""Tables and columns as a database itself knows them. Only names that were found there are ever written into SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnClause, TableClause, column, table
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import NullType, TypeEngine

from errors import SourceUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table or view, with its columns by name. The names are quoted as they are, wherever they go."""

    clause: TableClause
    columns: Mapping[str, ColumnClause[Any]]
    full_text: Sequence[frozenset[str]] = ()
    """The columns of each of its full-text indexes."""
    is_fts5: bool = False
    language: str = "english"
    """The text search configuration of its tsvector column, where it has one that the database fills."""
    size_bytes: int = 0
    """Roughly, where it matters for how to search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A table that the settings name, and the columns of it that they name: `{"Key column": "id", ...}`."""

    setting: str
    """What people call the table: `Customers`, `Tickets`."""
    name: str
    columns: Mapping[str, str] = field(default_factory=dict)


def split_name(name: str) -> tuple[str | None, str]:
    """Schema and table. Only the first dot parts them."""
    schema, dot, rest = name.partition(".")
    return (schema, rest) if dot and schema and rest else (None, name)


def build_table(
    wanted: Wanted, schema: str | None, name: str, types: Mapping[str, TypeEngine[Any]], **more: Any
) -> Table:
    """The table with columns of these types. Raises SourceUnavailable for a column that is named but not there."""
    if not types:
        raise SourceUnavailable(
            f"{wanted.setting}: there is no such table or view, or the database user may not see it. "
            "Correct its name, spelled exactly, or grant SELECT on it."
        )
    for setting, column_name in wanted.columns.items():
        if column_name not in types:
            raise SourceUnavailable(
                f"{wanted.setting}: the table has no such column as {setting} names. Correct it, spelled exactly."
            )
    columns = {each: column(_exactly(each), type_) for each, type_ in types.items()}
    clause = table(_exactly(name), *columns.values(), schema=None if schema is None else _exactly(schema))
    return Table(clause=clause, columns=columns, **more)


def _exactly(name: str) -> quoted_name:
    return quoted_name(name, quote=True)


UNKNOWN: TypeEngine[Any] = NullType()
"""A type that is told as the database writes it."""
