"""The migration history, on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from database.engine import Database
from database.migrations import downgrade, is_current, upgrade
from database.models import Base
from listening import StartProblem
from main import Gatehouse
from tests.stand import settings_for

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def tables(database: Database) -> set[str]:
    async with database.engine.connect() as connection:
        return await connection.run_sync(_tables)


async def test_models_and_migrations_agree(database: Database):
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        found: list[object] = compare_metadata(context, Base.metadata)
        return found

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_every_constraint_has_the_name_that_the_models_give_it(database: Database):
    """What has no name cannot be changed by a later migration on SQLite."""

    def names(connection: Connection) -> set[str | None]:
        inspector = inspect(connection)
        found: set[str | None] = set()
        for table in Base.metadata.tables:
            found.add(inspector.get_pk_constraint(table)["name"])
            found |= {one["name"] for one in inspector.get_foreign_keys(table)}
            found |= {one["name"] for one in inspector.get_unique_constraints(table)}
            found |= {one["name"] for one in inspector.get_indexes(table)}
        return found

    declared: set[str | None] = set()
    for table in Base.metadata.tables.values():
        declared |= {str(one.name) for one in table.constraints if one.name is not None}
        declared |= {str(one.name) for one in table.indexes}
    async with database.engine.connect() as connection:
        assert await connection.run_sync(names) == declared


async def test_the_history_goes_down_to_nothing_and_up_again(database: Database):
    await downgrade(database.engine, "base")
    assert await tables(database) == {"alembic_version"}
    assert not await is_current(database.engine)
    await upgrade(database.engine)
    assert await tables(database) == {"alembic_version", *Base.metadata.tables}
    assert await is_current(database.engine)


async def test_each_step_of_the_history_can_be_undone_alone(database: Database):
    revisions = [
        one.revision for one in ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini"))).walk_revisions()
    ]
    for revision in revisions:
        await downgrade(database.engine, f"{revision}-1" if revision != revisions[-1] else "base")
        await upgrade(database.engine, revision)
        await downgrade(database.engine, f"{revision}-1" if revision != revisions[-1] else "base")
    await upgrade(database.engine)
    assert await is_current(database.engine)


async def test_migrating_twice_changes_nothing(database: Database):
    await upgrade(database.engine)
    assert await is_current(database.engine)


async def test_production_refuses_a_database_that_is_behind(database: Database, database_url: str, tmp_path: Path):
    await downgrade(database.engine, "base")
    settings = settings_for(database_url, tmp_path, migrate_on_start=False)
    with pytest.raises(StartProblem, match=r"python main\.py migrate"):
        async with Gatehouse(settings).running():
            pass
    assert await tables(database) <= {"alembic_version"}, "nothing was touched"


async def test_a_database_of_a_later_version_is_refused_too(database: Database, database_url: str, tmp_path: Path):
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    with pytest.raises(StartProblem):
        async with Gatehouse(settings_for(database_url, tmp_path, migrate_on_start=False)).running():
            pass
