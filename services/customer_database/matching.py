"""Searching where a database has no full-text index: the rows with the most words, those in the title twice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, literal, or_

ESCAPE = "\\"


def contains(column: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    """Whether the column's text holds the word, in whatever case the database and its collation do not tell apart."""
    text = column if isinstance(column.type, Text) else cast(column, Text)
    spellings = {word} if word.isascii() else {word, word.upper(), word.capitalize()}
    return or_(*(text.icontains(spelling, autoescape=True) for spelling in sorted(spellings)))


def holds_any(columns: Sequence[ColumnElement[Any]], words: Sequence[str]) -> ColumnElement[bool]:
    """Rows with at least one of the words in one of the columns."""
    return or_(*(contains(column, word) for word in words for column in columns))


def holds_all(columns: Sequence[ColumnElement[Any]], words: Sequence[str]) -> ColumnElement[bool]:
    """Rows with every word somewhere in the columns."""
    return and_(*(or_(*(contains(column, word) for column in columns)) for word in words))


def count_words(
    title: ColumnElement[Any], columns: Sequence[ColumnElement[Any]], words: Sequence[str]
) -> ColumnElement[int]:
    """How many of the words a row has; a word of the title counts twice."""
    counts: list[ColumnElement[int]] = []
    for word in words:
        counts.append(case((holds_any(columns, [word]), 1), else_=0))
        counts.append(case((contains(title, word), 1), else_=0))
    return reduce(add, counts, literal(0))
