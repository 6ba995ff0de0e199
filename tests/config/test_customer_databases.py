"""Which databases the operator lets users connect, and that our own is never among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import load_settings
from tests.config.conftest import problem

OURS = "postgresql+asyncpg://gate:s3cr3t-canary@db.example.com/gatehouse"


def test_databases_are_listed_by_server_or_by_name(environment):
    environment(
        CUSTOMER_DATABASES="postgresql://crm.internal:5432/crm, mysql://shop.internal ,mariadb+asyncmy://[::1]:3307/,"
        "postgresql+asyncpg://10.0.0.5"
    )
    assert load_settings().customer_databases == (
        "postgresql://crm.internal:5432/crm",
        "mysql://shop.internal",
        "mariadb+asyncmy://[::1]:3307/",
        "postgresql+asyncpg://10.0.0.5",
    )


@pytest.mark.parametrize(
    "entry",
    [
        "crm.internal",
        "postgresql",
        "postgresql://",
        "postgresql:///crm",
        "postgres://crm.internal/crm",
        "oracle://crm.internal/crm",
        "postgresql+psycopg2://crm.internal/crm",
        "sqlite:///crm.db",
        "postgresql://crm.internal:port/crm",
        "postgresql://crm.internal:65536/crm",
        "postgresql://crm internal/crm",
        "postgresql://crm.internal/crm?sslmode=require",
        "postgresql://reader@crm.internal/crm",
        "postgresql://reader:s3cr3t-canary@crm.internal/crm",
    ],
)
def test_an_entry_that_names_no_server_stops_the_start(environment, entry: str):
    environment(CUSTOMER_DATABASES=f"mysql://shop.internal,{entry}")
    told = problem()
    assert told.startswith("CUSTOMER_DATABASES: ")
    assert told.endswith(".")
    assert "\n" not in told
    assert "s3cr3t" not in told


@pytest.mark.parametrize(
    ("ours", "listed"),
    [
        (OURS, "postgresql://db.example.com/gatehouse"),
        (OURS, "postgresql+asyncpg://DB.example.com:5432/gatehouse"),
        (OURS, "postgresql://db.example.com"),
        (OURS, "postgresql://db.example.com:5432/"),
        ("postgresql://u:p@localhost:6000/x", "postgresql://127.0.0.1:6000/x"),
        ("postgresql://u:p@[::1]/x", "postgresql://localhost"),
    ],
)
def test_our_own_database_cannot_be_listed(environment, ours: str, listed: str):
    environment(DATABASE_URL=ours, CUSTOMER_DATABASES=f"mysql://shop.internal,{listed}")
    told = problem()
    assert told.startswith("CUSTOMER_DATABASES ")
    assert told.endswith(".")
    assert "\n" not in told
    assert "s3cr3t" not in told


@pytest.mark.parametrize(
    "listed",
    ["postgresql://db.example.com/crm", "postgresql://db.example.com:5433", "mysql://db.example.com/gatehouse"],
)
def test_a_neighbour_of_our_own_database_can_be_listed(environment, listed: str):
    environment(DATABASE_URL=OURS, CUSTOMER_DATABASES=listed)
    assert load_settings().customer_databases == (listed,)


@pytest.mark.parametrize("folder", ["data", "data/files", ".", "/", "data/../data", "link", "elsewhere/..", "own"])
def test_files_of_users_lie_apart_from_our_own(environment, tmp_path: Path, folder: str):
    (tmp_path / "data" / "files").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    environment(CUSTOMER_SQLITE_FOLDER=folder, DATABASE_URL=f"sqlite:///{tmp_path}/own/gatehouse.db")
    told = problem()
    assert told.startswith("CUSTOMER_SQLITE_FOLDER ")
    assert "DATA_DIR" in told
    assert told.endswith(".")


@pytest.mark.parametrize("ours", ["", OURS, "sqlite:///own/gatehouse.db", "sqlite+aiosqlite://"])
def test_any_other_folder_may_hold_files_of_users(environment, ours: str):
    environment(CUSTOMER_SQLITE_FOLDER="database", DATABASE_URL=ours)
    assert load_settings().customer_sqlite_folder == Path("database")
