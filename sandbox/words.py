"""A full-text index in memory: which documents match an FTS5 expression, and in what order of relevance.

SQLite's FTS5 does the work: 12,500 abstracts index in about a second, a question of twenty words takes milliseconds.
Its ranking is BM25.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

EXACT: Final = "unicode61 remove_diacritics 2"
"""Words as they stand, without case and accents."""
STEMMED: Final = "porter unicode61 remove_diacritics 2"
"""The same, without English endings."""


class WordIndex:
    """Rows of text columns, numbered from 0 in the order they are given."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, tokenizer: str) -> None:
        # One request at a time uses it, though not always from the thread that built it.
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        names = ", ".join(columns)
        self._connection.execute(
            f"CREATE VIRTUAL TABLE texts USING fts5 ({names}, tokenize = '{tokenizer}', detail = full)"
        )
        marks = ", ".join("?" for _ in columns)
        self._connection.executemany(
            f"INSERT INTO texts (rowid, {names}) VALUES (?, {marks})",  # noqa: S608 - made of our own column names
            ((number, *row) for number, row in enumerate(rows)),
        )

    def matching(self, expression: str) -> set[int]:
        """The numbers of the rows that match an FTS5 expression."""
        found = self._connection.execute("SELECT rowid FROM texts WHERE texts MATCH ?", (expression,))
        return {number for (number,) in found}

    def ranked(self, expression: str, *, weights: Sequence[float], limit: int) -> list[tuple[int, float]]:
        """The best rows first, each with its BM25 score, higher is better; `weights` are the columns'."""
        bm25 = f"bm25(texts, {', '.join(str(weight) for weight in weights)})"
        statement = f"SELECT rowid, -{bm25} FROM texts WHERE texts MATCH ? ORDER BY {bm25}, rowid LIMIT ?"  # noqa: S608 - made of numbers
        return [(number, score) for number, score in self._connection.execute(statement, (expression, limit))]


def quoted(text: str) -> str:
    """The text as an FTS5 string: its words next to each other, nothing in it syntax."""
    # A NUL would end the expression, half of a surrogate pair cannot be written down; neither is part of a word.
    readable = text.encode("utf-8", "replace").decode().replace("\0", " ")
    return '"' + readable.replace('"', '""') + '"'


def words_of(text: str) -> list[str]:
    """The words that the tokenizers above would see, in lower case, in order."""
    return "".join(character if character.isalnum() else " " for character in text.casefold()).split()
