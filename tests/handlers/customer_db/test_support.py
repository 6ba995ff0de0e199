"""The tools of a support database, and the owner's own queries, on every kind of database."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from errors import NotFound, SourceUnavailable
from handlers.base import Hints
from handlers.customer_db import HANDLER
from handlers.customer_db.source import DatabaseSource
from tests.handlers.customer_db.shops import CANARY, told

pytestmark = pytest.mark.anyio

SUPPORT: dict[str, Any] = {"tickets": {}, "interactions": {}, "knowledge_base": {}}
NEEDED: dict[str, Any] = {
    "url": "sqlite:///x.db",
    "table": "a",
    "key_column": "b",
    "title_column": "c",
    "text_columns": ["d"],
}
BY_STATUS: dict[str, Any] = {
    "name": "tickets_by_status",
    "title": "Tickets of a status",
    "description": "The tickets of one status, newest first.",
    "sql": "SELECT id, subject, created_at FROM tickets WHERE status = :status AND id >= :least ORDER BY id DESC;",
    "parameters": [
        {"name": "status", "description": "open or closed."},
        {"name": "least", "type": "integer", "description": "The smallest number."},
    ],
}


async def run(source: DatabaseSource, tool_name: str, /, **arguments: Any) -> dict[str, Any]:
    (tool,) = (each for each in HANDLER.tools(source.config) if each.name == tool_name)
    answer = await tool.run(source, tool.arguments.model_validate(arguments))
    assert isinstance(answer, tool.answer)
    assert isinstance(answer, BaseModel)
    return answer.model_dump(mode="json")


def query(**changes: Any) -> dict[str, Any]:
    return {**BY_STATUS, **changes}


def names(**settings: Any) -> list[str]:
    return [tool.name for tool in HANDLER.tools(HANDLER.config.model_validate({**NEEDED, **settings}))]


def test_tools_are_offered_for_what_is_configured():
    assert names() == []
    assert names(tickets={}) == ["get_customer_context", "get_analytics"]
    assert names(interactions={}) == ["get_customer_context"]
    assert names(interactions={}, allow_writes=True) == ["get_customer_context", "save_interaction"]
    assert names(knowledge_base={}, queries=[BY_STATUS]) == ["search_knowledge_base", "tickets_by_status"]


def test_only_saving_is_told_as_a_write():
    config = HANDLER.config.model_validate(
        {
            **NEEDED,
            **SUPPORT,
            "allow_writes": True,
            "queries": [BY_STATUS],
        }
    )
    hints = {tool.name: tool.hints for tool in HANDLER.tools(config)}
    assert hints.pop("save_interaction") == Hints(read_only=False)
    assert set(hints.values()) == {Hints(read_only=True, idempotent=True)}


async def test_a_customers_context_is_told_newest_first(shop, connect):
    context = await run(connect(shop, **SUPPORT), "get_customer_context", customer_id="1")
    assert context["customer"]["title"] == "Amelia Hart"
    assert [(ticket["id"], ticket["subject"]) for ticket in context["tickets"]] == [
        ("101", "Invoice is wrong"),
        ("102", "Cannot sign in"),
    ]
    assert [(note["id"], note["kind"]) for note in context["interactions"]] == [("202", "email"), ("201", "call")]
    assert context["tickets"][0]["created_at"].startswith("2026-11-18")


async def test_a_context_holds_no_more_than_asked_for(shop, connect):
    context = await run(connect(shop, **SUPPORT), "get_customer_context", customer_id="1", limit=1)
    assert (len(context["tickets"]), len(context["interactions"])) == (1, 1)


async def test_a_context_does_without_what_is_not_configured(shop, connect):
    context = await run(connect(shop, tickets={}), "get_customer_context", customer_id="1")
    assert context["interactions"] == []
    assert len(context["tickets"]) == 2


@pytest.mark.parametrize("id", ["99", "x", "1 OR 1=1", "-1"])
async def test_the_context_of_an_unknown_customer_is_not_found(shop, connect, id):
    with pytest.raises(NotFound):
        await run(connect(shop, **SUPPORT), "get_customer_context", customer_id=id)


@pytest.mark.parametrize(
    ("term", "title"),
    [
        ("reset my password", "How to reset a password"),
        ("invoice", "Reading your invoice"),
        ("sundays", "Delivery times"),
    ],
)
async def test_the_knowledge_base_answers_with_its_best_article(shop, connect, term, title):
    found = await run(connect(shop, **SUPPORT), "search_knowledge_base", term=term, limit=3)
    assert found["articles"][0]["title"] == title


async def test_figures_are_counted_by_status_and_by_day(shop, connect):
    figures = await run(connect(shop, **SUPPORT), "get_analytics", days=7)
    assert figures == {
        "by_status": {"open": 2, "closed": 2},
        "by_day": {"2026-11-17": 1, "2026-11-18": 2},
    }
    assert "2026-08-01" in (await run(connect(shop, **SUPPORT), "get_analytics", days=366))["by_day"]


async def test_a_saved_interaction_is_there_afterwards(own_shop, connect):
    if own_shop.kind != "sqlite":
        user = own_shop.url.split("://")[1].split("@")[0]
        grantee = user if own_shop.kind == "postgresql" else f"'{user}'@'127.0.0.1'"
        own_shop.run(f"GRANT INSERT ON interactions TO {grantee}")
    source = connect(own_shop, **SUPPORT, allow_writes=True)
    note = "Quote ' and \\ and \"; DROP TABLE interactions; -- 東京 :name %s"
    saved = await run(source, "save_interaction", customer_id="2", kind="call", text=note)
    assert int(saved["id"]) > 202
    (kept,) = (await run(source, "get_customer_context", customer_id="2"))["interactions"]
    assert (kept["id"], kept["kind"], kept["text"]) == (saved["id"], "call", note)
    assert kept["created_at"].startswith("2026-11-20")


async def test_an_interaction_of_nobody_is_not_saved(own_shop, connect):
    before = own_shop.counters()
    with pytest.raises(NotFound):
        await run(
            connect(own_shop, **SUPPORT, allow_writes=True), "save_interaction", customer_id="99", kind="x", text="y"
        )
    assert own_shop.counters() == before


async def test_a_user_who_may_not_write_is_told_so(shop, connect):
    if shop.kind == "sqlite":
        pytest.skip("a file has no users")
    with pytest.raises(SourceUnavailable, match="may not"):
        await run(connect(shop, **SUPPORT, allow_writes=True), "save_interaction", customer_id="1", kind="x", text="y")


async def test_a_source_without_writes_does_not_write_whoever_asks(shop, connect):
    writing = HANDLER.config.model_validate({**shop.settings, **SUPPORT, "allow_writes": True})
    (tool,) = (each for each in HANDLER.tools(writing) if each.name == "save_interaction")
    arguments = tool.arguments.model_validate({"customer_id": "1", "kind": "x", "text": "y"})
    with pytest.raises(NotFound):
        await tool.run(connect(shop, **SUPPORT), arguments)


async def test_resources_are_what_is_configured(shop, connect):
    assert [resource.path for resource in await connect(shop).resources()] == ["customers"]
    source = connect(shop, **SUPPORT)
    assert [resource.path for resource in await source.resources()] == ["customers", "tickets", "knowledge_base"]
    assert "Cancel my contract" in (await source.read("tickets", None)).text
    with pytest.raises(NotFound):
        await connect(shop).read("tickets", None)


# Queries


async def test_a_query_runs_with_the_values_it_was_given(shop, connect):
    source = connect(shop, queries=[BY_STATUS])
    found = await run(source, "tickets_by_status", status="open", least=0)
    assert found["columns"] == ["id", "subject", "created_at"]
    assert [row[:2] for row in found["rows"]] == [[103, "Delivery was late"], [101, "Invoice is wrong"]]
    assert found["complete"]
    assert (await run(source, "tickets_by_status", status="' OR '1'='1", least=0))["rows"] == []


async def test_a_query_may_name_a_column_as_our_own_sql_names_its_rows(shop, connect):
    source = connect(shop, queries=[query(sql="SELECT 42 AS answer", parameters=[])])
    assert (await run(source, "tickets_by_status"))["rows"] == [[42]]


async def test_a_value_that_is_not_required_is_null(shop, connect):
    optional = {"name": "status", "description": "Any without it.", "required": False}
    sql = "SELECT count(*) FROM tickets WHERE :status IS NULL OR status = :status"
    source = connect(shop, queries=[query(sql=sql, parameters=[optional])])
    assert (await run(source, "tickets_by_status"))["rows"] == [[4]]
    assert (await run(source, "tickets_by_status", status="open"))["rows"] == [[2]]


async def test_values_have_the_types_they_were_declared_with(shop, connect):
    parameters = [
        {"name": "number", "type": "number", "description": "A number."},
        {"name": "flag", "type": "boolean", "description": "Yes or no."},
        {"name": "whole", "type": "integer", "description": "A whole number."},
    ]
    sql = "SELECT :number * 2 AS n, CASE WHEN :flag THEN 'yes' ELSE 'no' END AS f, :whole + 1 AS w"
    source = connect(shop, queries=[query(sql=sql, parameters=parameters)])
    found = await run(source, "tickets_by_status", number=1.5, flag=True, whole=41)
    ((number, flag, whole),) = found["rows"]
    assert (float(number), flag, whole) == (3.0, "yes", 42)
    (tool,) = HANDLER.tools(source.config)
    for wrong in ({"number": "x", "flag": True, "whole": 1}, {"number": 1, "flag": True, "whole": 2**70}, {}):
        with pytest.raises(ValidationError):
            tool.arguments.model_validate(wrong)


async def test_more_rows_than_are_told_are_said_to_be_there(shop, connect):
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i FROM n"
    found = await run(connect(shop, queries=[query(sql=numbers, parameters=[])]), "tickets_by_status")
    assert (len(found["rows"]), found["complete"]) == (200, False)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nope FROM tickets",
        "SELECT * FROM no_such_table",
        "SELECT FROM WHERE",
        "SELECT 1; SELECT 2",
        "WITH x AS (SELECT 1) DELETE FROM tickets",
    ],
)
async def test_a_query_that_cannot_run_is_named_by_the_check(shop, connect, sql):
    with pytest.raises(SourceUnavailable, match="Query tickets_by_status: "):
        await connect(shop, queries=[query(sql=sql, parameters=[])]).check()


@pytest.mark.parametrize(
    "wrong",
    [
        {"sql": "DELETE FROM tickets", "parameters": []},
        {"sql": "SELECT :other", "parameters": []},
        {"sql": "SELECT 1"},
        {"name": "search"},
        {"name": "get_analytics"},
        {"name": "Über"},
        {"name": "x" * 41},
        {"description": ""},
        {"description": "x" * 501},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        names(queries=[query(**wrong)])


def test_two_queries_of_one_name_are_refused():
    with pytest.raises(ValidationError):
        names(queries=[BY_STATUS, BY_STATUS])


def test_hidden_characters_do_not_reach_agents():
    config = {"description": "Plain\u202e text\u200b \U000e0041only."}
    (tool,) = HANDLER.tools(
        HANDLER.config.model_validate(
            {
                "url": "sqlite:///x.db",
                "table": "a",
                "key_column": "b",
                "title_column": "c",
                "text_columns": ["d"],
                "queries": [query(**config)],
            }
        )
    )
    assert tool.description == "Plain text only."


async def test_no_tool_shows_the_canary(shop, connect):
    source = connect(shop, **SUPPORT)
    answers = [
        await run(source, "get_customer_context", customer_id="1"),
        await run(source, "search_knowledge_base", term=CANARY),
        await run(source, "get_analytics"),
    ]
    assert CANARY not in told(answers)
