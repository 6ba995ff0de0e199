"""Documents of a table, by SQL."""

from __future__ import annotations

import pytest

from errors import NotFound
from handlers.base import SearchQuery
from services.snowflake.refusals import NotGranted
from tests.handlers.snowflake.example import TABLE_SETTINGS
from tests.services.snowflake.stand_in import refused

pytestmark = pytest.mark.anyio


async def find(source, text, limit=20):
    return await source.search(SearchQuery(text=text, limit=limit))


def statements(account):
    return [statement.body for statement in account.warehouse.statements.values()]


async def test_any_of_the_words_is_enough_and_more_are_better(table):
    hits = await find(table, "refund accounting")
    assert [hit.id for hit in hits] == ["3", "p%2F1"]
    assert hits[1].text == "A refund is paid within 14 days.\n\nA refund above 500 EUR needs a manager."
    assert hits[1].url == "https://docs.example.com/pages/p%2F1"


async def test_a_rare_word_counts_more_than_a_frequent_one(table, account):
    account.pages = [(str(n), "T", "common words", None, None, 1) for n in range(9)] + [
        ("r", "T", "rare", None, None, 1)
    ]
    assert (await find(table, "common rare"))[0].id == "r"


async def test_a_word_in_the_title_counts_more(table, account):
    account.pages = [
        ("1", "Other", "about storks", None, None, 1),
        ("2", "Storks", "about birds", None, None, 1),
        ("3", "Other", "nothing", None, None, 1),
    ]
    assert [hit.id for hit in await find(table, "storks")] == ["2", "1"]


async def test_signs_of_a_pattern_are_only_signs(table):
    assert [hit.id for hit in await find(table, "100% remote_work!")] == ["4"]
    assert await find(table, "remoteXwork") == []
    assert await find(table, "1%0") == []


async def test_what_was_typed_is_bound_and_never_part_of_the_sql(table, account):
    await find(table, "o'brien\"; drop")
    sent = statements(account)[-1]
    assert "brien" not in sent["statement"]
    assert {binding["value"] for binding in sent["bindings"].values()} == {"%o'brien%", "%drop%"}
    assert {binding["type"] for binding in sent["bindings"].values()} == {"TEXT"}


async def test_statements_run_in_the_settings_context_under_a_tag(table, account):
    await find(table, "refund")
    await table.fetch("3")
    columns, search, fetch = statements(account)
    assert [sent["parameters"]["query_tag"] for sent in (columns, search, fetch)] == [
        "gatehouse/columns",
        "gatehouse/search",
        "gatehouse/fetch",
    ]
    for sent in (columns, search, fetch):
        context = [sent[name] for name in ("database", "schema", "warehouse", "role")]
        assert context == ["DOCS", "PUBLIC", "READING", "GATEHOUSE_READER"]
        assert sent["parameters"]["multi_statement_count"] == 1
        assert 1 <= sent["timeout"] <= 20


async def test_a_document_is_its_rows_in_their_order(table, account):
    account.pages = [("p", "Long", f"part {part}", None, None, part) for part in (10, 2, 1)]
    document = await table.fetch("p")
    assert document.text == "part 1\n\npart 2\n\npart 10"
    assert document.url == "https://docs.example.com/pages/p"
    assert document.metadata == {}


async def test_an_id_of_whole_numbers_is_bound_as_a_number(table, account):
    account.types = {**account.types, "ID": "fixed"}
    account.pages = [(42, "Answer", "refund", None, None, 1)]
    assert [hit.id for hit in await find(table, "refund")] == ["42"]
    assert (await table.fetch("42")).title == "Answer"
    assert statements(account)[-1]["bindings"] == {"1": {"type": "FIXED", "value": "42"}}
    asked = len(account.asked)
    with pytest.raises(NotFound):
        await table.fetch("forty-two")
    assert len(account.asked) == asked, "what cannot be a number was asked for"


async def test_an_id_that_is_not_there_is_not_found(table):
    with pytest.raises(NotFound):
        await table.fetch("no-such-page")


async def test_cells_of_other_types_are_shown_as_people_write_them(connect, account):
    account.types = {**account.types, "REGION": "date", "URL": "boolean"}
    account.pages = [("1", "Refund", "text", "true", "18262", 1)]
    source = connect(TABLE_SETTINGS, text_columns=["body", "region", "url"])
    assert (await source.fetch("1")).text == "text\n\n2020-01-01\n\ntrue"


@pytest.mark.parametrize("setting", ["id_column", "title_column", "order_column", "text_columns"])
async def test_a_column_that_is_not_there_never_gets_into_sql(connect, account, setting):
    source = connect(TABLE_SETTINGS, **{setting: ["nothing"] if setting == "text_columns" else "nothing"})
    for call in (source.check(), find(source, "refund"), source.fetch("3")):
        with pytest.raises(NotGranted) as raised:
            await call
        assert setting.partition("_")[0] in raised.value.message.lower()
    assert not [sent for sent in statements(account) if "NOTHING" in sent["statement"]]


async def test_columns_are_looked_up_once(table, account):
    await find(table, "refund")
    await find(table, "travel")
    assert [sent["parameters"]["query_tag"] for sent in statements(account)].count("gatehouse/columns") == 1


@pytest.mark.parametrize("kind", ["fixed:2", "date", "boolean"])
async def test_an_id_column_that_cannot_be_written_back_is_refused(connect, account, kind):
    account.types = {**account.types, "ID": kind}
    with pytest.raises(NotGranted) as raised:
        await connect(TABLE_SETTINGS).check()
    assert raised.value.message == "The ID column must hold text or whole numbers."


async def test_a_column_of_bytes_is_no_text(connect, account):
    account.types = {**account.types, "BODY": "binary"}
    with pytest.raises(NotGranted) as raised:
        await connect(TABLE_SETTINGS).check()
    assert "text columns" in raised.value.message


async def test_a_table_that_is_not_there_is_the_owners_to_mend(connect, account):
    with pytest.raises(NotGranted) as raised:
        await connect(TABLE_SETTINGS, table="other").check()
    assert "table" in raised.value.message


async def test_a_table_that_may_not_be_read_is_the_owners_to_mend(table, account):
    account.warehouse.run = lambda sql, values: (
        refused(422, "003001") if "limit 1" in sql else account._run(sql, values)
    )
    with pytest.raises(NotGranted) as raised:
        await table.check()
    assert "SELECT" in raised.value.message


async def test_a_long_question_finds_its_document(table):
    question = (
        "Could somebody please tell me what our handbook has to say about how many days it takes until the money of "
        "a refund is paid back to a customer who has sent us the goods?"
    )
    assert (await find(table, question))[0].id == "p%2F1"


async def test_words_that_say_nothing_search_nothing(table, account):
    assert await find(table, "?! ...") == ()
    assert account.asked == []
