"""The statements that a table is searched and read with: names quoted, values bound, nothing else from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from handlers.snowflake.documents import MOST_PARTS, Layout
from services.snowflake.names import in_sql
from services.snowflake.statements import Binding

_ESCAPE: Final = "!"


@dataclass(frozen=True, slots=True)
class TableName:
    """Where a table stands; names as they are stored."""

    database: str
    schema: str
    name: str

    @property
    def sql(self) -> str:
        return ".".join(map(in_sql, (self.database, self.schema, self.name)))


def list_columns(table: TableName) -> tuple[str, Sequence[Binding]]:
    """Name and type of the table's columns, as far as the role may see them."""
    information = f"{in_sql(table.database)}.INFORMATION_SCHEMA.COLUMNS"
    sql = _select("COLUMN_NAME, DATA_TYPE", information, "where TABLE_SCHEMA = ? and TABLE_NAME = ?")
    return sql, [Binding("TEXT", table.schema), Binding("TEXT", table.name)]


def find_rows(table: TableName, layout: Layout, words: Sequence[str], limit: int) -> tuple[str, Sequence[Binding]]:
    """Rows with any of the words, at least one of which is needed. A word counts the more the fewer rows have it, and
    twice if the title has it (a sum of inverse document frequencies)."""
    columns = _listed(layout)
    whole_row = " || ' ' || ".join(map(_folded, dict.fromkeys([layout.title, *layout.texts])))
    matches = [f"{_matches('in title')} + {_matches('in row')} as {_match(n)}" for n in range(len(words))]
    counts = [f'count(nullif({_match(n)}, 0)) as "rows {n}"' for n in range(len(words))]
    weights = [
        f'coalesce({_match(n)} * ln(1 + 1.0 * "all rows" / nullif("rows {n}", 0)), 0)' for n in range(len(words))
    ]
    steps = {
        "FOLDED": _select(f'{columns}, {_folded(layout.title)} as "in title", {whole_row} as "in row"', table.sql),
        "MATCHED": _select(", ".join([columns, *matches]), "FOLDED"),
        "COUNTED": _select(", ".join(['count(*) as "all rows"', *counts]), "MATCHED"),
    }
    weight = " + ".join(weights)
    ties = ", ".join(in_sql(column) for column in (layout.id, layout.order) if column is not None)
    best_first = f"where {weight} > 0 order by {weight} desc, {ties} limit {limit:d}"
    best = _select(columns, "MATCHED cross join COUNTED", best_first)
    sql = "with " + ", ".join(f"{name} as ({step})" for name, step in steps.items()) + f" {best}"
    return sql, [Binding("TEXT", _pattern(word)) for word in words for _ in ("title", "row")]


def read_rows(table: TableName, layout: Layout, id: Binding) -> tuple[str, Sequence[Binding]]:
    """The rows of one document, in their order if there is a column for it."""
    order = f"order by {in_sql(layout.order)} " if layout.order is not None else ""
    return _select(_listed(layout), table.sql, f"where {in_sql(layout.id)} = ? {order}limit {MOST_PARTS:d}"), [id]


def any_row(table: TableName, layout: Layout) -> str:
    """One row, to see whether the columns may be read."""
    return _select(_listed(layout), table.sql, "limit 1")


def _select(columns: str, table: str, rest: str = "") -> str:
    # Every name in here was quoted by `in_sql`, and every value is a `?`.
    return f"select {columns} from {table} {rest}".rstrip()  # noqa: S608


def _listed(layout: Layout) -> str:
    return ", ".join(map(in_sql, layout.columns))


def _match(place: int) -> str:
    """How strongly the word at this place matches a row: 0, 1 or 2."""
    return f'"match {place}"'


def _matches(column: str) -> str:
    return f"case when \"{column}\" like ? escape '{_ESCAPE}' then 1 else 0 end"


def _folded(column: str) -> str:
    return f"lower(coalesce(cast({in_sql(column)} as varchar), ''))"


def _pattern(word: str) -> str:
    """A pattern for LIKE that means the word itself, anywhere."""
    for sign in (_ESCAPE, "%", "_"):
        word = word.replace(sign, _ESCAPE + sign)
    return f"%{word}%"
