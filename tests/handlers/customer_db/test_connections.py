# ruff: noqa: S608 - a test looks at servers by SQL
"""How databases are reached: only those that may be, as whom we were told, for as long as we allow."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from errors import SourceTimeout, SourceUnauthorized, SourceUnavailable
from handlers.base import DatabaseRules, SearchQuery
from handlers.customer_db import HANDLER
from handlers.customer_db.templates import QueryAnswer
from services.customer_database.database import POOL_AT_MOST, Limits
from tests.handlers.customer_db.shops import PASSWORD, Shop

pytestmark = pytest.mark.anyio

SHORT = Limits(statement=timedelta(milliseconds=300), whole=timedelta(seconds=5))
IMPATIENT = Limits(statement=timedelta(seconds=30), whole=timedelta(milliseconds=300))
SLOW = {
    "postgresql": "SELECT 'slow-canary', pg_sleep(20)",
    "mariadb": "SELECT 'slow-canary', SLEEP(20)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
}
RUNNING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%slow-canary%'"
    " AND pid <> pg_backend_pid()",
    "mariadb": "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%slow-canary%'"
    " AND id <> CONNECTION_ID()",
}


def asking(sql: str, name: str = "ask") -> dict[str, Any]:
    return {"name": name, "title": "Ask", "description": "Asks.", "sql": sql}


async def ask(source: Any, number: int = 0) -> list[list[Any]]:
    tool = HANDLER.tools(source.config)[number]
    answer = await tool.run(source, tool.arguments())
    assert isinstance(answer, QueryAnswer)
    return [list(row) for row in answer.rows]


def user_of(shop: Shop) -> str:
    return shop.url.split("://")[1].split("@")[0]


# Whom we may reach


async def test_a_database_that_is_not_on_the_list_is_not_even_called(shop, connect):
    if shop.kind == "sqlite":
        pytest.skip("files have a folder instead of a list")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        url = f"postgresql://someone@127.0.0.1:{listener.getsockname()[1]}/crm"
        for rules in (DatabaseRules(), shop.rules, DatabaseRules(allowed=("postgresql://127.0.0.1:1/crm",))):
            with pytest.raises(SourceUnavailable, match="CUSTOMER_DATABASES"):
                await connect(shop, rules=rules, url=url).check()
        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_the_list_names_one_database_or_a_whole_server(served, connect):
    place, _, database = served.url.split("@")[1].partition("/")
    scheme = served.url.split("://")[0]
    for allowed in (f"{scheme}://{place}/{database}", f"{scheme}://{place}"):
        assert await connect(served, rules=DatabaseRules(allowed=(allowed,))).check()
    for refused in (f"{scheme}://{place}/other", f"{scheme}://localhost", f"{scheme}://{place.split(':')[0]}"):
        with pytest.raises(SourceUnavailable, match="CUSTOMER_DATABASES"):
            await connect(served, rules=DatabaseRules(allowed=(refused,))).check()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///../outside.db",
        "sqlite:////etc/passwd",
        "sqlite:///link.db",
        "sqlite:///folder/../../outside.db",
        "sqlite:///missing.db",
        "sqlite:///.",
        "sqlite:///loop",
    ],
)
async def test_files_elsewhere_are_as_if_they_were_not_there(open_shop, connect, url):
    shop = open_shop("sqlite")
    folder = shop.rules.sqlite_folder
    (folder.parent / "outside.db").write_bytes((folder / "shop.db").read_bytes())
    for name, target in (("link.db", folder.parent / "outside.db"), ("loop", folder / "loop")):
        (folder / name).symlink_to(target)
    with pytest.raises(SourceUnavailable, match="There is no such SQLite file"):
        await connect(shop, url=url).check()


async def test_a_link_to_a_file_inside_is_followed(open_shop, connect):
    shop = open_shop("sqlite")
    (shop.rules.sqlite_folder / "inside.db").symlink_to(shop.rules.sqlite_folder / "shop.db")
    assert await connect(shop, url="sqlite:///inside.db").check()


async def test_without_a_folder_there_are_no_files(shared_shop, connect):
    with pytest.raises(SourceUnavailable, match="no folder"):
        await connect(shared_shop("sqlite"), rules=DatabaseRules()).check()


async def test_a_file_that_is_no_database_is_said_to_be_none(open_shop, connect):
    shop = open_shop("sqlite")
    (shop.rules.sqlite_folder / "text.db").write_text("not a database, but long enough to be read as one" * 50)
    with pytest.raises(SourceUnavailable, match="no SQLite database"):
        await connect(shop, url="sqlite:///text.db").check()


# As whom


@pytest.mark.parametrize(("typed", "kept"), [(" pass word ", " pass word "), (" ", " "), ("", None), (None, None)])
def test_a_password_is_kept_as_it_was_typed(typed, kept):
    given = {"url": " sample ", "password": typed}
    for config in (HANDLER.config.model_validate(given), HANDLER.config.model_validate_json(json.dumps(given))):
        assert config.url == "sample"
        assert (config.password and config.password.get_secret_value()) == kept
        assert "pass word" not in repr(config)


@pytest.mark.parametrize("wrong", [5, True, ["x"], {"a": 1}])
def test_a_password_is_text(wrong):
    with pytest.raises(ValidationError):
        HANDLER.config.model_validate({"url": "sample", "password": wrong})


async def test_a_wrong_password_asks_the_owner_to_reconnect(served, connect):
    for password in ("wr0ng-canary", PASSWORD.strip(), None):
        with pytest.raises(SourceUnauthorized) as refused:
            await connect(served, password=password).check()
        assert "canary" not in refused.value.message
        assert user_of(served) not in refused.value.message


async def test_a_database_that_is_not_there_is_said_to_be_missing(served, connect):
    place = served.url.rsplit("/", 1)[0]
    rules = DatabaseRules(allowed=(f"{place.split('//')[0]}//{place.split('@')[1]}",))
    with pytest.raises(SourceUnavailable):
        await connect(served, rules=rules, url=f"{place}/no_such_database").check()


async def test_nobody_at_the_port_is_unavailable(served, connect):
    scheme = served.url.split("://")[0]
    rules = DatabaseRules(allowed=(f"{scheme}://127.0.0.1:1",))
    with pytest.raises(SourceUnavailable, match="did not answer at its host and port"):
        await connect(served, rules=rules, url=f"{scheme}://someone@127.0.0.1:1/crm").check()


@pytest.mark.parametrize("mode", ["require", "verify-full"])
async def test_an_unencrypted_server_is_refused_where_encryption_is_asked_for(shared_shop, connect, mode):
    shop = shared_shop("postgresql")  # the one in tests is built without encryption
    with pytest.raises(SourceUnavailable, match="sslmode=disable"):
        await connect(shop, url=f"{shop.url}?sslmode={mode}").check()


@pytest.mark.parametrize("named", [True, False])
async def test_drivers_take_nothing_from_our_environment(served, connect, monkeypatch, tmp_path: Path, named):
    place, _, database = served.url.split("@")[1].partition("/")
    host, _, port = place.partition(":")
    home = tmp_path / "home"
    (home / ".postgresql").mkdir(parents=True)
    (home / ".postgresql" / "postgresql.key").write_text("no key")
    (home / ".pgpass").write_text(f"*:*:*:*:{PASSWORD.replace(':', chr(92) + ':')}\n")
    (home / ".pgpass").chmod(0o600)
    (home / ".my.cnf").write_text(f"[client]\npassword={PASSWORD}\nuser={user_of(served)}\n")
    (home / "services").write_text(f"[crm]\nhost=127.0.0.1\nport=1\npassword={PASSWORD}\n")
    taken = {
        "HOME": home,
        "PGHOST": "127.0.0.1",
        "PGPORT": "1",
        "PGUSER": "nobody",
        "PGDATABASE": "nothing",
        "PGPASSFILE": home / ".pgpass",
        "PGSERVICE": "crm",
        "PGSERVICEFILE": home / "services",
        "PGSSLMODE": "verify-full",
        "PGSSLKEY": home / "key",
        "PGSSLCERT": home / "cert",
        "PGSSLROOTCERT": home / "ca",
        "PGSSLNEGOTIATION": "direct",
        "PGTARGETSESSIONATTRS": "standby",
        "PGOPTIONS": "-c statement_timeout=1",
        "PGSSLMINPROTOCOLVERSION": "TLSv9",
        "PGKRBSRVNAME": "x",
        "PGGSSLIB": "nonsense",
        "PGPASSWORD": PASSWORD,
        "MYSQL_PWD": PASSWORD,
        "MYSQL_HOST": "127.0.0.1",
        "MYSQL_TCP_PORT": "1",
    }
    for name, value in taken.items():
        monkeypatch.setenv(name, str(value))
    assert (host, database, port) != ("", "", "")
    if named:
        assert await connect(served).check()
    else:
        with pytest.raises(SourceUnauthorized):
            await connect(served, password=None).check()


# With which rights


@pytest.mark.parametrize(
    "right",
    [
        "ALTER ROLE {user} SUPERUSER",
        "ALTER ROLE {user} REPLICATION",
        "GRANT pg_read_server_files TO {user}",
        "GRANT pg_write_server_files TO {user}",
        "GRANT pg_execute_server_program TO {user}",
        "CREATE ROLE {user}_group; GRANT pg_read_server_files TO {user}_group; GRANT {user}_group TO {user}",
    ],
)
async def test_a_mighty_postgres_user_is_refused(open_shop, connect, right):
    shop = open_shop("postgresql")
    shop.run(right.format(user=user_of(shop)))
    source = connect(shop)
    for attempt in (source.check(), source.search(SearchQuery(text="active", limit=1)), source.fetch("1")):
        with pytest.raises(SourceUnavailable, match="too mighty"):
            await attempt


@pytest.mark.parametrize("right", ["FILE", "SUPER", "ALL PRIVILEGES", "CREATE USER"])
async def test_a_mighty_mariadb_user_is_refused(open_shop, connect, right):
    shop = open_shop("mariadb")
    shop.run(f"GRANT {right} ON *.* TO '{user_of(shop)}'@'127.0.0.1'")
    with pytest.raises(SourceUnavailable, match="too mighty"):
        await connect(shop).check()


async def test_a_user_who_could_write_is_mentioned(open_shop, connect):
    postgres, mariadb = open_shop("postgresql"), open_shop("mariadb")
    postgres.run(f"GRANT UPDATE ON canary TO {user_of(postgres)}")
    mariadb.run(f"GRANT UPDATE ON canary TO '{user_of(mariadb)}'@'127.0.0.1'")
    for shop in (postgres, mariadb):
        assert "a user with rights to write (better: one without)" in await connect(shop).protections()


async def test_a_table_that_may_not_be_read_is_unavailable(open_shop, connect):
    shop = open_shop("postgresql")
    shop.run(f"REVOKE SELECT ON customers FROM {user_of(shop)}")
    with pytest.raises(SourceUnavailable, match="may not read"):
        await connect(shop).search(SearchQuery(text="active", limit=1))


async def test_a_table_that_went_away_is_unavailable(own_shop, connect):
    source = connect(own_shop)
    await source.check()
    own_shop.run("DROP TABLE customers")
    with pytest.raises(SourceUnavailable, match="does not know a table"):
        await source.search(SearchQuery(text="active", limit=1))


# For how long


async def stopped(shop: Shop) -> bool:
    """Whether the server no longer works for us, having been told: that its client has gone MariaDB finds out too, in
    five seconds."""
    deadline = time.monotonic() + 3.0
    while time.monotonic() < deadline:
        if shop.kind == "sqlite" or shop.run(RUNNING[shop.kind]) == [["0"]]:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_slow_statement_is_stopped_by_the_server(shop, connect):
    source = connect(shop, limits=SHORT, queries=[asking(SLOW[shop.kind])])
    with pytest.raises(SourceTimeout):
        await ask(source)
    assert await stopped(shop)


async def test_a_deadline_of_ours_stops_the_server_too(shop, connect):
    source = connect(shop, limits=IMPATIENT, queries=[asking(SLOW[shop.kind])])
    with suppress(SourceTimeout):
        await source.protections()
    with pytest.raises(SourceTimeout):
        await ask(source)
    assert await stopped(shop)


async def test_a_caller_who_goes_away_stops_the_server_too(shop, connect):
    source = connect(shop, queries=[asking(SLOW[shop.kind])])
    await source.protections()
    task = asyncio.create_task(ask(source))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await stopped(shop)
    assert (await source.fetch("1")).title == "Amelia Hart"


def connections(shop: Shop) -> int:
    sql = {
        "postgresql": f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{user_of(shop)}'",
        "mariadb": f"SELECT count(*) FROM information_schema.processlist WHERE user = '{user_of(shop)}'",
    }
    return int(shop.run(sql[shop.kind])[0][0])


async def all_closed(shop: Shop) -> bool:
    """Whether nobody is connected, which the server may notice only after a moment."""
    for _ in range(100):
        if connections(shop) == 0:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_source_has_few_connections_and_gives_them_back(own_served, connect):
    source = connect(own_served)
    assert connections(own_served) == 0
    await asyncio.gather(*(source.fetch("1") for _ in range(20)))
    assert 1 <= connections(own_served) <= POOL_AT_MOST
    await source.aclose()
    assert await all_closed(own_served)


async def test_an_idle_source_gives_its_connections_back_by_itself(own_served, connect):
    source = connect(own_served, limits=Limits(idle=timedelta(milliseconds=50)))
    await source.fetch("1")
    assert await all_closed(own_served)
    assert (await source.fetch("1")).title == "Amelia Hart"


async def test_a_certificate_is_verified_unless_the_owner_says_otherwise(shared_shop, connect):
    shop = shared_shop("mariadb")
    assert "encrypted, server not verified" in await connect(shop, url=f"{shop.url}?sslmode=require").check()
    with pytest.raises(SourceUnavailable, match="certificate could not be verified"):
        await connect(shop, url=f"{shop.url}?sslmode=verify-full").check()


def hang_up(shop: Shop) -> None:
    """The server ends every connection of the user."""
    if shop.kind == "postgresql":
        shop.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user_of(shop)}'")
        return
    open_ones = shop.run(f"SELECT id FROM information_schema.processlist WHERE user = '{user_of(shop)}'")
    shop.run("; ".join(f"KILL {number}" for (number,) in open_ones))


async def test_connections_that_the_server_has_closed_are_replaced_before_anybody_meets_them(own_served, connect):
    source = connect(own_served)
    await asyncio.gather(*(source.fetch("1") for _ in range(POOL_AT_MOST)))
    hang_up(own_served)
    assert await all_closed(own_served)
    await asyncio.sleep(0.05)  # until it has arrived here
    found = await asyncio.gather(*(source.fetch("1") for _ in range(POOL_AT_MOST)))
    assert [document.title for document in found] == ["Amelia Hart"] * POOL_AT_MOST


async def test_nothing_of_a_session_is_left_for_the_next_one(shared_shop, connect):
    postgres = connect(
        shared_shop("postgresql"),
        queries=[
            asking("SELECT set_config('statement_timeout', '0', false), pg_advisory_lock(42)", "spoil"),
            asking(
                "SELECT current_setting('statement_timeout'),"
                " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"
            ),
        ],
    )
    mariadb = connect(
        shared_shop("mariadb"),
        queries=[
            asking("SELECT @left := 'over', GET_LOCK('mine', 0)", "spoil"),
            asking("SELECT @left, IS_USED_LOCK('mine')"),
        ],
    )
    for source, clean in ((postgres, [["9s", 0]]), (mariadb, [[None, None]])):
        await ask(source)
        assert await ask(source, 1) == clean


async def test_an_answer_that_is_too_large_is_refused(shop, connect):
    small = replace(Limits(), size_bytes=10)
    with pytest.raises(SourceUnavailable, match="larger than"):
        await connect(shop, limits=small).check()
