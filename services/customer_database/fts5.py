"""What SQLite's full-text search takes for a word."""

from __future__ import annotations


def fts5_phrase(word: str) -> str:
    """A word as FTS5 takes it literally: a string, in which nothing but a quote has a meaning.

    https://sqlite.org/fts5.html#fts5_strings
    """
    return '"' + word.replace('"', '""') + '"'
