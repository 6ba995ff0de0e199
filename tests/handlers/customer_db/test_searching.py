# ruff: noqa: S608 - a test prepares its tables by SQL
"""Searching with what each kind of database has for it, and the small parts that all of them share."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.base import SearchQuery
from handlers.customer_db.cursors import open_cursor, seal_cursor
from services.customer_database.addresses import FileAddress, Kind, ServerAddress, Tls, parse_address
from services.customer_database.fts5 import fts5_phrase
from services.customer_database.moments import as_moment
from services.customer_database.rows import is_possible

pytestmark = pytest.mark.anyio

DOCUMENTS = (
    (1, "Running a lighthouse", "The keeper runs up the stairs every evening."),
    (2, "Baking bread", "Flour, water, salt and time. The baker gets up early."),
    (3, "Lighthouse keepers of the north", "They also baked their own bread."),
    (4, "Tax law", "Nothing about it is fun."),
)


def with_documents(shop):
    """A table that has the full-text index which this kind of database offers."""
    create = {
        "sqlite": "CREATE VIRTUAL TABLE documents USING fts5(id UNINDEXED, title, body, secret, tokenize='porter');",
        "postgresql": "CREATE TABLE documents (id integer PRIMARY KEY, title text, body text, secret text);"
        "GRANT SELECT ON documents TO PUBLIC;",
        "mariadb": "CREATE TABLE documents (id integer PRIMARY KEY, title text, body text, secret text,"
        " FULLTEXT (title, body), FULLTEXT (title, body, secret));",
    }[shop.kind]
    rows = ",".join(f"({number}, '{title}', '{body}', 'hiddenword')" for number, title, body in DOCUMENTS)
    shop.run(f"{create} INSERT INTO documents VALUES {rows}")
    return {"table": "documents", "title_column": "title", "text_columns": ["body"], "updated_column": None}


async def found(source, text: str, limit: int = 10) -> list[str]:
    return [hit.id for hit in await source.search(SearchQuery(text=text, limit=limit))]


async def test_full_text_finds_what_means_the_same(own_shop, connect):
    source = connect(own_shop, **with_documents(own_shop))
    assert (await found(source, "lighthouse bread"))[0] == "3"
    assert set(await found(source, "lighthouse bread")) == {"1", "2", "3"}
    assert "2" in (await found(source, "how does one go about baking bread?"))[:2]
    assert await found(source, "lighthous") != []
    assert await found(source, "nowhere") == []


async def test_full_text_looks_into_no_other_column(own_shop, connect):
    assert await found(connect(own_shop, **with_documents(own_shop)), "hiddenword") == []


async def test_the_rowid_of_an_fts5_table_can_be_its_key(open_shop, connect):
    shop = open_shop("sqlite")
    source = connect(shop, **{**with_documents(shop), "key_column": "rowid"})
    assert await found(source, "tax") == ["4"]
    assert (await source.fetch("4")).title == "Tax law"


async def test_stemmed_words_are_found_by_postgres_and_fts5(open_shop, connect):
    for kind in ("postgresql", "sqlite"):
        shop = open_shop(kind)
        assert set(await found(connect(shop, **with_documents(shop)), "bake")) >= {"3"}


async def test_a_tsvector_column_is_searched_in_its_language_and_never_shown(open_shop, connect):
    shop = open_shop("postgresql")
    shop.run(
        "CREATE TABLE german (id integer PRIMARY KEY, title text, body text, words tsvector"
        " GENERATED ALWAYS AS (to_tsvector('german', title || ' ' || body)) STORED);"
        "CREATE INDEX ON german USING gin (words); GRANT SELECT ON german TO PUBLIC;"
        "INSERT INTO german SELECT n, 'Zeile', repeat('nichts ', 200) FROM generate_series(10, 9000) n;"
        "INSERT INTO german VALUES (1, 'Vertrag', 'Die Rechnungen der Kunden')"
    )
    settings = {"table": "german", "title_column": "title", "updated_column": None}
    source = connect(shop, **settings, text_columns=["body", "words"])
    assert await found(source, "welche Rechnung?") == ["1"]
    assert (await source.fetch("1")).text == "Die Rechnungen der Kunden"


async def test_a_large_table_without_an_index_is_searched_by_parts_of_words(open_shop, connect):
    shop = open_shop("postgresql")
    settings = with_documents(shop)
    shop.run("INSERT INTO documents SELECT n, 'row', repeat('filling ', 300) || n, '' FROM generate_series(10, 3000) n")
    shop.run("ALTER TABLE documents ALTER body SET STORAGE EXTERNAL; UPDATE documents SET body = body || ' x'")
    source = connect(shop, **settings)
    assert (await found(source, "lighthouse bread"))[0] == "3"
    assert await found(source, "2999") == ["2999"]


async def test_a_schema_can_be_named(open_shop, connect):
    shop = open_shop("postgresql")
    shop.run(
        'CREATE SCHEMA "Sales"; CREATE TABLE "Sales"."Top Customers" ("Id" integer PRIMARY KEY, "Full Name" text);'
        """INSERT INTO "Sales"."Top Customers" VALUES (7, 'Amelia');"""
        'GRANT USAGE ON SCHEMA "Sales" TO PUBLIC; GRANT SELECT ON "Sales"."Top Customers" TO PUBLIC'
    )
    settings = {"key_column": "Id", "title_column": "Full Name", "text_columns": ["Full Name"], "updated_column": None}
    assert await found(connect(shop, table="Sales.Top Customers", **settings), "amelia") == ["7"]


# Small parts


def test_a_phrase_holds_its_quotes():
    assert fts5_phrase('a"b') == '"a""b"'


def test_moments_are_aware():
    assert as_moment("2026-01-02T03:00:00Z") == datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert as_moment(datetime(2026, 1, 2)) == as_moment(date(2026, 1, 2)) == datetime(2026, 1, 2, tzinfo=UTC)  # noqa: DTZ001 - as a database tells it
    assert as_moment("soon") is as_moment(5) is None


def test_ids_that_databases_cannot_take_are_impossible():
    assert is_possible("x" * 2_000)
    assert not any(map(is_possible, ("", "x" * 2_001, "a\0", "\ud800")))


# Cursors


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=500))
def test_a_cursor_comes_back_as_it_went(last):
    assert open_cursor("customers", seal_cursor("customers", last)) == last


# Addresses


def test_addresses_have_what_a_driver_needs():
    assert parse_address("postgresql://reader@DB.example.com/crm") == ServerAddress(
        kind=Kind.POSTGRESQL, host="db.example.com", port=5432, database="crm", user="reader", tls=Tls.VERIFY_FULL
    )
    assert parse_address("mariadb+asyncmy://r%40d@[::1]:3307/a%20b?sslmode=require") == ServerAddress(
        kind=Kind.MYSQL, host="::1", port=3307, database="a b", user="r@d", tls=Tls.REQUIRE
    )
    assert parse_address("mysql://r@localhost/crm").kind is Kind.MYSQL
    assert parse_address("sqlite:///folder/crm.db") == FileAddress(path="folder/crm.db")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "crm",
        "postgres://r@h/d",
        "oracle://r@h/d",
        "postgresql+psycopg2://r@h/d",
        "postgresql+pg8000://r@h/d",
        "sqlite+pysqlcipher:///x.db",
        "postgresql://r:secret@h/d",
        "postgresql://r:@h/d",
        "postgresql://h/d",
        "postgresql://r@h",
        "postgresql://r@/d",
        "postgresql://r@/d?host=/var/run/postgresql",
        "postgresql://r@h,i/d",
        "postgresql://r@h/d?host=evil",
        "postgresql://r@h/d?host=a&host=b",
        "postgresql://r@h/d?sslmode=prefer",
        "postgresql://r@h/d?sslmode=disable&sslmode=require",
        "postgresql://r@h/d?sslrootcert=/etc/passwd",
        "postgresql://r@h/d?service=x",
        "postgresql://r@h/d?options=-c%20x",
        "postgresql://r@h:99999/d",
        "postgresql://r@h:x/d",
        "postgresql://r@h/d%00",
        "postgresql://r%0d%0a@h/d",
        "mysql://r@h/d?local_infile=1",
        "mysql://r@h/d?read_default_file=/etc/my.cnf",
        "mysql://r@h/d?unix_socket=/run/x",
        "mysql://r@h/d?init_command=DROP",
        "mysql://r@h/d?charset=gbk",
        "mysql://r@h%2Fevil/d",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=rwc",
        "sqlite:///x.db?uri=true",
        "sqlite://host/x.db",
        "x" * 2_000,
    ],
)
def test_any_other_address_is_refused_without_repeating_it(url):
    with pytest.raises(ValueError, match=r"URL|sslmode") as refused:
        parse_address(url)
    assert "secret" not in str(refused.value)
    assert len(url) < 12 or url not in str(refused.value)
