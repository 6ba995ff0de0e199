# ruff: noqa: S608 - a test prepares its tables by SQL
"""Tables of real databases: the same behaviour on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import pytest

from errors import NotFound, SourceUnavailable
from handlers.base import SearchQuery
from handlers.customer_db import HANDLER
from handlers.customer_db.source import DatabaseSource
from tests.handlers.contract import HandlerContract
from tests.handlers.customer_db.conftest import lend
from tests.handlers.customer_db.shops import CANARY, Shop, told

pytestmark = pytest.mark.anyio


OPEN_TICKETS = {
    "name": "open_tickets",
    "title": "Open tickets",
    "description": "The tickets of a customer that are open.",
    "sql": "SELECT id, subject FROM tickets WHERE status = 'open' AND customer_id = :customer",
    "parameters": [{"name": "customer", "type": "integer", "description": "The customer's number."}],
}


class TestEveryDatabase(HandlerContract):
    handler = HANDLER
    finds = "active"

    @pytest.fixture
    def settings(self, shop):
        return {**shop.support, "allow_writes": True, "queries": [OPEN_TICKETS]}

    @pytest.fixture
    def lent(self, shop, tmp_path):
        folder = tmp_path / "source"
        folder.mkdir()
        return lend(shop, folder)


async def titles(source: DatabaseSource, text: str, limit: int = 20) -> list[str]:
    return [hit.title for hit in await source.search(SearchQuery(text=text, limit=limit))]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Amelia", "Amelia Hart"),
        ("bakeries", "Bruno Keller"),
        ("who runs the bakeries?", "Bruno Keller"),
        ("elena.petrova@example.com", "Elena Petrova"),
        ("rossi disabled", "Chiara Rossi"),
        ("東京", 'O\'Neil "Ünal" 100%_x'),
        ("ÜNAL", 'O\'Neil "Ünal" 100%_x'),
        ("accountan", "Daniel Osei"),
    ],
)
async def test_a_row_is_found_by_what_its_columns_say(shop, connect, text, title):
    assert (await titles(connect(shop), text))[0] == title


async def test_rows_with_all_words_come_first(shop, connect):
    found = await titles(connect(shop), "invoice accountant")
    assert found[0] == "Daniel Osei"
    assert "Amelia Hart" in found


async def test_wildcards_are_words_like_others(shop, connect):
    assert await titles(connect(shop), "100%_x") == ['O\'Neil "Ünal" 100%_x']
    assert await titles(connect(shop), "zzz%") == []


async def test_columns_that_are_not_named_are_never_seen(shop, connect):
    source = connect(shop)
    assert await titles(source, CANARY) == []
    hits = await source.search(SearchQuery(text="active", limit=50))
    documents = [await source.fetch(hit.id) for hit in hits]
    assert CANARY not in told([hits, documents])


async def test_a_row_is_fetched_whole(shop, connect):
    document = await connect(shop).fetch("1")
    assert document.title == "Amelia Hart"
    assert document.url == "https://crm.example.com/customers/1"
    assert document.text.splitlines()[:3] == ["name: Amelia Hart", "email: amelia.hart@example.com", "status: active"]
    assert document.metadata["balance"] in ("12.50", "12.5")
    assert document.metadata["updated_at"] == "2026-11-01T10:00:00+00:00"


async def test_a_single_text_column_is_the_text_itself(shop, connect):
    document = await connect(
        shop, table="articles", title_column="title", text_columns=["body"], updated_column=None
    ).fetch("303")
    assert document.text == "We deliver before seven in the morning, and on Sundays never."


async def test_a_view_can_be_connected(own_shop, connect):
    own_shop.run("CREATE VIEW busy AS SELECT id, name, status FROM customers WHERE status = 'active'")
    if own_shop.kind == "postgresql":
        own_shop.run("GRANT SELECT ON busy TO PUBLIC")
    source = connect(own_shop, table="busy", text_columns=["status"], updated_column=None)
    assert "Chiara Rossi" not in await titles(source, "active disabled")
    with pytest.raises(NotFound):
        await source.fetch("3")


async def test_a_check_says_which_protections_hold(shop, connect):
    name = await connect(shop).check()
    assert ("shop.db" if shop.kind == "sqlite" else "on 127.0.0.1") in name
    assert "reading only" in name or "read-only transactions" in name
    assert ("without rights to write" in name) == (shop.kind != "sqlite")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"table": "no_such_table"}, "Table: there is no such table"),
        ({"table": "customers; DROP TABLE canary"}, "Table: there is no such table"),
        ({"table": "CUSTOMERS"}, "Table: there is no such table"),
        ({"key_column": "nope"}, "Key column"),
        ({"title_column": "nope"}, "Title column"),
        ({"text_columns": ["name", "hidden --"]}, r"Text columns \(2\)"),
        ({"updated_column": "nope"}, "Date column"),
        ({"tickets": {"table": "nope"}}, "Tickets: there is no such table"),
        ({"tickets": {"status_column": "nope"}}, "Tickets: .*Status column"),
        ({"knowledge_base": {"text_columns": ["nope"]}}, r"Knowledge base: .*Text columns \(1\)"),
    ],
)
async def test_a_check_names_the_setting_to_mend(shop, connect, settings, sentence):
    with pytest.raises(SourceUnavailable, match=sentence):
        await connect(shop, **settings).check()


async def test_a_mended_table_is_found_by_the_next_check(own_shop, connect):
    source = connect(own_shop, table="later", updated_column=None, text_columns=["name"])
    with pytest.raises(SourceUnavailable):
        await source.check()
    own_shop.run("CREATE TABLE later AS SELECT id, name FROM customers")
    if own_shop.kind == "postgresql":
        own_shop.run("GRANT SELECT ON later TO PUBLIC")
    assert await source.check()
    assert (await source.fetch("1")).title == "Amelia Hart"


async def test_text_keys_are_exact(own_shop, connect):
    own_shop.run(
        "CREATE TABLE codes (code VARCHAR(50) PRIMARY KEY, label VARCHAR(50));"
        "INSERT INTO codes VALUES ('A-1', 'first'), ('b/ö c', 'second'), ('1', 'one')"
    )
    if own_shop.kind == "postgresql":
        own_shop.run("GRANT SELECT ON codes TO PUBLIC")
    source = connect(
        own_shop, table="codes", key_column="code", title_column="label", text_columns=["label"], updated_column=None
    )
    assert (await source.fetch("b/ö c")).url == "https://crm.example.com/customers/b%2F%C3%B6%20c"
    for strange in ("a-1", "A-1 ", "1x", "01", "%", "A_1"):
        with pytest.raises(NotFound):
            await source.fetch(strange)


async def test_pages_of_a_resource_hold_every_row_once(own_shop, connect):
    rows = ",".join(f"({n}, 'N{n}')" for n in range(1000, 1120))
    own_shop.run(f"INSERT INTO customers (id, name) VALUES {rows}")
    source = connect(own_shop)
    cursor, seen = None, []
    while True:
        page = await source.read("customers", cursor)
        seen += [part.split('"')[0] for part in page.text.split('{"id": "')[1:]]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 126
    assert CANARY not in page.text


async def test_values_of_every_type_are_readable(own_shop, connect):
    other = {
        "postgresql": "j jsonb, u uuid, a integer[], b boolean, d date, n numeric(30, 10), i interval, x bytea,"
        " c char(5)",
        "mariadb": "j json, u uuid, a varchar(9), b boolean, d date, n decimal(30, 10), i time, x blob, c char(5)",
        "sqlite": "j TEXT, u TEXT, a TEXT, b BOOLEAN, d DATE, n REAL, i TEXT, x BLOB, c TEXT",
    }[own_shop.kind]
    values = {
        "postgresql": "'{\"k\": 1}', '0b52d6ba-6ab2-4a3b-b7f6-1f6a6de7a6b5', '{1,2}', true, '2026-01-02', 12.5,"
        " '1 day 02:00', '\\x0102', 'abc'",
        "mariadb": "'{\"k\": 1}', '0b52d6ba-6ab2-4a3b-b7f6-1f6a6de7a6b5', '{1,2}', true, '2026-01-02', 12.5,"
        " '02:00:00', x'0102', 'abc'",
        "sqlite": "'{\"k\": 1}', '0b52d6ba-6ab2-4a3b-b7f6-1f6a6de7a6b5', '{1,2}', 1, '2026-01-02', 12.5, '02:00',"
        " x'0102', 'abc'",
    }[own_shop.kind]
    own_shop.run(f"CREATE TABLE kinds (id integer PRIMARY KEY, {other}); INSERT INTO kinds VALUES (1, {values})")
    if own_shop.kind == "postgresql":
        own_shop.run("GRANT SELECT ON kinds TO PUBLIC")
    columns = list("juabdnixc")
    source = connect(own_shop, table="kinds", title_column="c", text_columns=columns, updated_column="d")
    document = await source.fetch("1")
    for part in (
        'j: {"k": 1}',
        "u: 0b52d6ba-6ab2-4a3b-b7f6-1f6a6de7a6b5",
        "{1,2}",
        "d: 2026-01-02",
        "n: 12.5",
        "x: (2 bytes)",
    ):
        assert part in document.text
    by_uuid = connect(
        own_shop, table="kinds", key_column="u", title_column="c", text_columns=["c"], updated_column=None
    )
    assert (await by_uuid.fetch("0b52d6ba-6ab2-4a3b-b7f6-1f6a6de7a6b5")).title == "abc"
    for column in ("d", "a", "c", "n", "i"):
        keyed = connect(
            own_shop, table="kinds", key_column=column, title_column="c", text_columns=["c"], updated_column=None
        )
        (hit,) = await keyed.search(SearchQuery(text="abc", limit=5))
        assert (await keyed.fetch(hit.id)).id == hit.id


async def test_a_huge_value_is_cut_by_the_server(own_shop, connect):
    own_shop.run(f"UPDATE customers SET notes = '{'long ' * 60_000}' WHERE id = 2")
    source = connect(own_shop)
    (hit,) = await source.search(SearchQuery(text="Keller long", limit=1))
    assert len(hit.text or "") < 25_000
    assert len((await source.fetch("2")).text) < 101_000


async def test_nothing_is_written_by_reading(own_shop, connect):
    before = own_shop.counters()
    source = connect(own_shop, **{name: {} for name in ("tickets", "interactions", "knowledge_base")})
    await source.check()
    for hit in await source.search(SearchQuery(text="active invoice", limit=10)):
        await source.fetch(hit.id)
    await source.read("tickets", None)
    await source.aclose()
    assert own_shop.counters() == before


def test_the_shop_is_the_same_everywhere(shop: Shop):
    assert shop.run("SELECT secret FROM canary") == [[CANARY]]
