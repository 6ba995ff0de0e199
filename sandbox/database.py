"""Writes the customer database: a real SQLite file, with full-text indexes that follow their tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sandbox.world import CustomerTable, World


def write_database(world: World, file: Path) -> None:
    """Replaces the file, once it is complete."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as connection, connection:
        for table in world.customer_tables:
            _write(connection, table)
    unfinished.replace(file)


def _write(connection: sqlite3.Connection, table: CustomerTable) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in table.columns.items())
    connection.execute(f"CREATE TABLE {table.name} ({columns})")
    if table.searched:
        for statement in _index_statements(table):
            connection.execute(statement)
    marks = ", ".join("?" for _ in table.columns)
    connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", table.rows)  # noqa: S608 - a name of the world's own


def _index_statements(table: CustomerTable) -> list[str]:
    """An external-content index and the triggers that keep it (SQLite, "FTS5", 4.4.3)."""
    index, names = f"{table.name}_fts", ", ".join(table.searched)
    new, old = (", ".join(f"{row}.{name}" for name in table.searched) for row in ("new", "old"))
    add = f"INSERT INTO {index} (rowid, {names}) VALUES (new.rowid, {new});"  # noqa: S608 - names of the world's own
    drop = f"INSERT INTO {index} ({index}, rowid, {names}) VALUES ('delete', old.rowid, {old});"  # noqa: S608 - likewise
    return [
        f"CREATE VIRTUAL TABLE {index} USING fts5 ({names}, content = '{table.name}', tokenize = 'porter unicode61')",
        f"CREATE TRIGGER {table.name}_added AFTER INSERT ON {table.name} BEGIN {add} END",
        f"CREATE TRIGGER {table.name}_removed AFTER DELETE ON {table.name} BEGIN {drop} END",
        f"CREATE TRIGGER {table.name}_changed AFTER UPDATE ON {table.name} BEGIN {drop} {add} END",
    ]
