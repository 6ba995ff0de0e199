"""Everything that a database holds."""

from __future__ import annotations

from sqlalchemy import text

from tests.stand import Stand


async def dump(gatehouse: Stand) -> str:
    """Every value of every table, sealed ones as bytes."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if gatehouse.gatehouse.database.is_sqlite
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    async with gatehouse.gatehouse.database.engine.connect() as connection:
        names = [row[0] for row in await connection.execute(text(query))]
        tables = [(await connection.execute(text(f'SELECT * FROM "{name}"'))).all() for name in names]  # noqa: S608
    return "\n".join(repr(rows) for rows in tables)
