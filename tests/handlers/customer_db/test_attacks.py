# ruff: noqa: S608 - the attacks are SQL
"""The attack corpus, through everything that an agent or an owner can type, against users who may write.

Every surface takes every attack. Afterwards nothing may have been written, attempts that were rolled back included
(PostgreSQL counts them), no file may be there that was not, and nothing of the canary table may have been seen.
"""

from __future__ import annotations

import asyncio
import base64
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from errors import GatehouseError, Invalid, NotFound, SourceUnavailable
from handlers.base import SearchQuery
from handlers.customer_db import HANDLER
from handlers.customer_db.source import DatabaseSource
from tests.handlers.customer_db.shops import CANARY, Shop, told

pytestmark = pytest.mark.anyio

LEFTOVER: Final = Path(tempfile.gettempdir()) / "gatehouse-attack-leftover"

# What somebody types who hopes that it becomes SQL.
TYPED: Final = (
    "'; INSERT INTO canary VALUES (2, 'x'); --",
    "1; DELETE FROM canary",
    "1'; DROP TABLE canary; --",
    "1 OR 1=1",
    "' OR ''='",
    '" OR ""="',
    "` OR ``=`",
    "\\'; UPDATE canary SET secret = 'x'; --",
    "1 UNION SELECT secret FROM canary",
    "' UNION ALL SELECT 1, secret, secret, secret, secret, secret, secret, secret, secret FROM canary --",
    "1) UNION SELECT id, secret FROM canary --",
    "(SELECT secret FROM canary)",
    "'||(SELECT secret FROM canary)||'",
    '"customers" UNION SELECT secret FROM canary',
    "id FROM canary --",
    "canary",
    "%' OR secret LIKE '%",
    "1/**/UNION/**/SELECT/**/secret/**/FROM/**/canary",
    "\u02bc OR 1=1",
    "\uff07 OR 1=1 --",
    "\xbf\x27 OR 1=1 --",
    ":status",
    "%(status)s",
    "$1",
    "?1",
    "{0} {name} ${jndi}",
    "1\0' OR 1=1",
    "$$; DROP TABLE canary; $$",
    "E'\\' OR 1=1 --",
    "/*!50000 UNION SELECT secret FROM canary */",
)
# Statements that would write, leave the transaction, or read the server's files, if they ran.
STATEMENTS: Final = {
    "postgresql": (
        "INSERT INTO canary VALUES (2, 'x')",
        "UPDATE canary SET secret = 'x'",
        "DELETE FROM canary",
        "TRUNCATE canary",
        "DROP TABLE canary",
        "CREATE TABLE evil (id integer)",
        "CREATE TEMP TABLE evil (id integer)",
        "CREATE FUNCTION evil2() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE canary ADD COLUMN x integer",
        "GRANT ALL ON canary TO PUBLIC",
        "WITH x AS (INSERT INTO canary VALUES (2, 'x') RETURNING id) SELECT * FROM x",
        "WITH x AS (DELETE FROM canary RETURNING id) SELECT * FROM x",
        "WITH x AS (UPDATE canary SET secret = 'x' RETURNING id) SELECT * FROM x",
        "SELECT * INTO evil FROM canary",
        "SELECT * FROM canary FOR UPDATE",
        "SELECT evil()",
        "SELECT nextval('interactions_id_seq')",
        "SELECT setval('interactions_id_seq', 5000)",
        "SELECT lo_creat(-1)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        f"COPY canary TO '{LEFTOVER}'",
        f"COPY (SELECT 1) TO PROGRAM 'touch {LEFTOVER}'",
        "COPY canary FROM PROGRAM 'echo 3'",
        "DO $$ BEGIN INSERT INTO canary VALUES (2, 'x'); END $$",
        "SELECT 1; INSERT INTO canary VALUES (2, 'x')",
        "SELECT 1; COMMIT; INSERT INTO canary VALUES (2, 'x')",
        "COMMIT",
        "ROLLBACK",
        "SET TRANSACTION READ WRITE",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT set_config('default_transaction_read_only', 'off', false)",
        "SELECT 1) AS q; INSERT INTO canary VALUES (2, 'x'); --",
        "SELECT 1) AS q; COMMIT; DROP TABLE canary; SELECT (1",
        "SELECT pg_notify('x', 'y')",
        "SELECT pg_advisory_lock(1)",
        "PREPARE x AS INSERT INTO canary VALUES (2, 'x')",
        "EXECUTE x",
        "EXPLAIN ANALYZE INSERT INTO canary VALUES (2, 'x')",
        "SELECT query_to_xml('INSERT INTO canary VALUES (2, ''x'')', true, true, '')",
        "CALL evil_procedure()",
        "LOCK TABLE canary IN ACCESS EXCLUSIVE MODE",
        "VACUUM canary",
        "ANALYZE canary",
        "REFRESH MATERIALIZED VIEW canary",
    ),
    "mariadb": (
        "INSERT INTO canary VALUES (2, 'x')",
        "UPDATE canary SET secret = 'x'",
        "DELETE FROM canary",
        "REPLACE INTO canary VALUES (1, 'x')",
        "TRUNCATE canary",
        "DROP TABLE canary",
        "CREATE TABLE evil (id integer)",
        "CREATE TABLE evil AS SELECT * FROM canary",
        "ALTER TABLE canary ADD COLUMN x integer",
        "CREATE INDEX x ON canary (secret)",
        "RENAME TABLE canary TO evil",
        "GRANT SELECT ON canary TO CURRENT_USER",
        "CREATE USER evil",
        "WITH x AS (SELECT 1 AS id) DELETE FROM canary WHERE id IN (SELECT id FROM x)",
        "SELECT evil()",
        "CALL evil_procedure()",
        "SELECT * FROM canary FOR UPDATE",
        f"SELECT * FROM canary INTO OUTFILE '{LEFTOVER}'",
        f"SELECT secret FROM canary INTO DUMPFILE '{LEFTOVER}'",
        f"SELECT * INTO OUTFILE '{LEFTOVER}' FROM canary",
        "SELECT secret INTO @stolen FROM canary",
        "LOAD DATA INFILE '/etc/passwd' INTO TABLE canary",
        "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE canary",
        "SELECT LOAD_FILE('/etc/hosts') IS NOT NULL AND (SELECT 1 FROM canary WHERE 0)",
        "SELECT 1; INSERT INTO canary VALUES (2, 'x')",
        "SELECT 1; COMMIT; INSERT INTO canary VALUES (2, 'x')",
        "COMMIT",
        "COMMIT AND CHAIN",
        "ROLLBACK",
        "START TRANSACTION READ WRITE",
        "SET SESSION TRANSACTION READ WRITE",
        "SET autocommit = 1",
        "SET GLOBAL max_connections = 1",
        "SET PASSWORD = PASSWORD('x')",
        "SELECT GET_LOCK('x', 0)",
        "SELECT @x := 1",
        "PREPARE x FROM 'INSERT INTO canary VALUES (2, ''x'')'",
        "EXECUTE IMMEDIATE 'INSERT INTO canary VALUES (2, ''x'')'",
        "BEGIN NOT ATOMIC INSERT INTO canary VALUES (2, 'x'); END",
        "HANDLER canary OPEN",
        "DO evil()",
        "ANALYZE INSERT INTO canary VALUES (2, 'x')",
        "OPTIMIZE TABLE canary",
        "LOCK TABLES canary WRITE",
        "FLUSH TABLES",
        "KILL USER root",
        "SELECT NEXTVAL(evil_sequence)",
        "/*!50000 DELETE FROM canary */",
    ),
    "sqlite": (
        "INSERT INTO canary VALUES (2, 'x')",
        "UPDATE canary SET secret = 'x'",
        "DELETE FROM canary",
        "REPLACE INTO canary VALUES (1, 'x')",
        "DROP TABLE canary",
        "CREATE TABLE evil (id integer)",
        "CREATE TEMP TABLE evil (id integer)",
        "CREATE VIRTUAL TABLE evil USING fts5 (x)",
        "CREATE TRIGGER evil AFTER INSERT ON canary BEGIN SELECT 1; END",
        "ALTER TABLE canary ADD COLUMN x integer",
        "CREATE INDEX x ON canary (secret)",
        "WITH x AS (SELECT 1) INSERT INTO canary VALUES (2, 'x')",
        "INSERT INTO canary VALUES (2, 'x') RETURNING id",
        f"ATTACH DATABASE '{LEFTOVER}' AS evil",
        "ATTACH DATABASE ':memory:' AS evil",
        "DETACH DATABASE main",
        f"VACUUM INTO '{LEFTOVER}'",
        "VACUUM",
        "REINDEX",
        "ANALYZE",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = WAL",
        "PRAGMA user_version = 5",
        "PRAGMA trusted_schema = ON",
        "PRAGMA database_list",
        "SELECT * FROM pragma_database_list",
        "SELECT load_extension('/tmp/evil.so')",
        "SELECT writefile('x', 'y')",
        "SELECT readfile('/etc/passwd')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT 'a' REGEXP '(a+)+$'",
        "SELECT 1; INSERT INTO canary VALUES (2, 'x')",
        "COMMIT",
        "COMMIT; DELETE FROM canary",
        "ROLLBACK",
        "SAVEPOINT x",
        "BEGIN IMMEDIATE",
        "EXPLAIN INSERT INTO canary VALUES (2, 'x')",
        "SELECT zeroblob(1000000000)",
        "SELECT randomblob(1000000000)",
        "SELECT printf('%.*c', 1000000000, 'x')",
        "UPDATE sqlite_master SET sql = 'x'",
    ),
}


@pytest.fixture
def attacked(own_shop: Shop) -> Shop:
    """A database whose user may write everything, with functions that write for whoever calls them."""
    shop = own_shop
    user = shop.url.split("://")[1].split("@")[0]
    if shop.kind == "postgresql":
        shop.run(
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user};"
            f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {user};"
            f"GRANT CREATE ON SCHEMA public TO {user};"
            "CREATE FUNCTION evil() RETURNS integer LANGUAGE sql SECURITY DEFINER AS"
            " 'INSERT INTO canary VALUES (3, ''evil'') RETURNING id';"
            "CREATE PROCEDURE evil_procedure() LANGUAGE sql SECURITY DEFINER AS"
            " 'INSERT INTO canary VALUES (4, ''evil'')'"
        )
    elif shop.kind == "mariadb":
        name = shop.url.rsplit("/", 1)[1]
        shop.run(
            f"GRANT ALL ON {name}.* TO '{user}'@'127.0.0.1'; CREATE SEQUENCE evil_sequence;"
            "CREATE FUNCTION evil() RETURNS integer SQL SECURITY DEFINER"
            " RETURN (SELECT LAST_INSERT_ID() + (SELECT COUNT(*) FROM canary));"
            "CREATE PROCEDURE evil_procedure() SQL SECURITY DEFINER INSERT INTO canary VALUES (4, 'evil')"
        )
    LEFTOVER.unlink(missing_ok=True)
    return shop


async def assert_untouched(shop: Shop, before: object) -> None:
    if shop.kind == "postgresql":
        await asyncio.sleep(0.1)  # a session tells its counters when it ends
    assert shop.counters() == before
    assert shop.run("SELECT id, secret FROM canary") == [["1", CANARY]]
    assert not LEFTOVER.exists()


async def seen(work: Any) -> str:
    """Everything that comes back, an error's message included."""
    try:
        return told(await work)
    except GatehouseError as error:
        return error.message


def support(shop: Shop) -> dict[str, Any]:
    return {**shop.support, "allow_writes": False}


async def test_what_agents_search_for_stays_text(attacked, connect):
    before = attacked.counters()
    source = connect(attacked, **support(attacked))
    for attack in TYPED:
        answer = await source.search(SearchQuery(text=attack, limit=100))
        assert CANARY not in told(answer)
        assert len(answer) <= 6
    await source.aclose()
    await assert_untouched(attacked, before)


async def test_what_agents_fetch_stays_an_id(attacked, connect):
    before = attacked.counters()
    source = connect(attacked)
    for attack in TYPED:
        with pytest.raises(NotFound) as refused:
            await source.fetch(attack)
        assert CANARY not in refused.value.message
    await source.aclose()
    await assert_untouched(attacked, before)


async def test_what_agents_give_to_tools_stays_a_value(attacked, connect):
    before = attacked.counters()
    declared = {"name": "value", "description": "Anything."}
    sql = "SELECT subject FROM tickets WHERE subject = :value"
    queries = [{"name": "find", "title": "Find", "description": "Finds.", "sql": sql, "parameters": [declared]}]
    source = connect(attacked, **support(attacked), queries=queries)
    tools = {tool.name: tool for tool in HANDLER.tools(source.config)}
    taken = {"get_customer_context": "customer_id", "search_knowledge_base": "term", "find": "value"}
    for name, argument in taken.items():
        for attack in TYPED:
            arguments = tools[name].arguments.model_validate({argument: attack})
            answer = await seen(tools[name].run(source, arguments))
            assert CANARY not in answer, (name, attack)
    for attack in TYPED:
        with pytest.raises(ValidationError):
            tools["get_analytics"].arguments.model_validate({"days": attack})
    await source.aclose()
    await assert_untouched(attacked, before)


async def test_what_agents_save_is_kept_as_they_typed_it(attacked, connect):
    source = connect(attacked, **{**attacked.support, "allow_writes": True})
    (tool,) = (each for each in HANDLER.tools(source.config) if each.name == "save_interaction")
    printable = [attack for attack in TYPED if "\0" not in attack]
    for attack in printable:
        arguments = tool.arguments.model_validate({"customer_id": "2", "kind": attack[:20], "text": attack})
        await tool.run(source, arguments)
    (context,) = (each for each in HANDLER.tools(source.config) if each.name == "get_customer_context")
    answer = await context.run(source, context.arguments.model_validate({"customer_id": "2", "limit": 50}))
    assert [note["text"] for note in reversed(answer.model_dump()["interactions"])] == printable
    assert attacked.run("SELECT id, secret FROM canary") == [["1", CANARY]]


async def test_resource_paths_and_cursors_stay_what_they_are(attacked, connect):
    before = attacked.counters()
    source = connect(attacked, **support(attacked))
    for attack in TYPED:
        with pytest.raises(NotFound):
            await source.read(attack, None)
        with pytest.raises(Invalid):
            await source.read("customers", attack)
        forged = base64.urlsafe_b64encode(f"customers\n{attack}".encode()).decode().rstrip("=")
        with pytest.raises(Invalid):
            await source.read("customers", forged)
    await source.aclose()
    await assert_untouched(attacked, before)


async def test_what_owners_name_is_a_table_or_column_or_nothing(attacked, connect):
    before = attacked.counters()
    settings = ("table", "key_column", "title_column", "updated_column", "text_columns")
    for number, attack in enumerate(TYPED):
        for setting in {"table", settings[number % len(settings)]}:
            if (setting, attack) == ("table", "canary") or "\0" in attack:
                continue
            value = [attack] if setting == "text_columns" else attack
            source = connect(attacked, **{setting: value})
            with pytest.raises(SourceUnavailable) as refused:
                await source.check()
            assert attack not in refused.value.message
            await source.aclose()
    await assert_untouched(attacked, before)


@pytest.mark.parametrize("attack", TYPED)
def test_what_is_no_page_address_is_refused(attack):
    for template in (attack, f"javascript:{attack}{{id}}", f"https://{attack}", f"https://x/{attack}"):
        with pytest.raises(ValidationError):
            HANDLER.config.model_validate({"url": "sample", "url_template": template})


async def run_unchecked(source: DatabaseSource, sql: str) -> None:
    """As an owner's query, past the first look that the settings take at it."""
    with suppress(GatehouseError):
        await source.database.run(sql, {}, {}, most=5)


async def run_bare(source: DatabaseSource, sql: str) -> None:
    """As a statement in the transaction, past everything but the transaction and the user's rights."""
    with suppress(Exception):
        async with source.database.reading() as (session, _):
            await session.rows(text(sql))


def skip_what_mariadb_does_not_hold(shop: Shop, way: object) -> None:
    if shop.kind == "mariadb" and way is run_bare:
        pytest.skip("a READ ONLY transaction of MariaDB does not hold DDL and SET PASSWORD; see mysql.py")


@pytest.mark.parametrize("way", [run_unchecked, run_bare])
async def test_no_statement_gets_through_the_transaction(attacked, connect, way):
    skip_what_mariadb_does_not_hold(attacked, way)
    source = connect(attacked)
    await source.check()
    before = attacked.counters()
    for statement in STATEMENTS[attacked.kind]:
        await way(source, statement.replace(":", "\\:"))
    assert (await source.fetch("1")).title == "Amelia Hart"
    await source.aclose()
    await assert_untouched(attacked, before)


@pytest.mark.parametrize("way", [run_unchecked, run_bare])
async def test_no_statement_opens_the_way_for_the_next_one(attacked, connect, way):
    skip_what_mariadb_does_not_hold(attacked, way)
    source = connect(attacked)
    await source.check()
    before = attacked.counters()
    for statement in STATEMENTS[attacked.kind]:
        await way(source, statement.replace(":", "\\:"))
        await way(source, "INSERT INTO canary VALUES (2, 'x')")
    await source.aclose()
    await assert_untouched(attacked, before)


def test_the_corpus_is_as_large_as_promised():
    assert all(len(statements) >= 40 for statements in STATEMENTS.values())
    assert len(TYPED) >= 25
