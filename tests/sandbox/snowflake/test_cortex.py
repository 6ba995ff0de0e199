"""Cortex Search and Cortex Analyst."""

from __future__ import annotations

import pytest

from tests.sandbox.callers import PAT_HEADERS, SERVICE

pytestmark = pytest.mark.anyio

ANALYST = "/snowflake/api/v2/cortex/analyst/message"
MODEL = "@LARKFIELD.SUPPORT.MODELS/orders.yaml"


async def found(caller, query, **more):
    answer = await caller.cortex(query, **more)
    assert answer.status_code == 200, answer.text
    return [row["DOC_ID"] for row in answer.json()["results"]]


async def test_the_most_relevant_come_first(caller):
    assert (await found(caller, "corroded connector in salt spray"))[:2] == ["KB-10", "T-1038"]
    assert (await found(caller, "why do webhooks fail since the new certificate"))[0] in {"T-1040", "T-1041", "KB-05"}


async def test_rows_have_the_columns_asked_for_and_scores(caller):
    row = (await caller.cortex("corroded connector", columns=["doc_id", "TITLE", "URL", "STATUS"])).json()["results"][0]
    assert row | {"@scores": {}} == {
        "DOC_ID": "T-1038",
        "TITLE": "Corroded connectors on the vessel",
        "URL": "https://support.larkfield.example.com/tickets/T-1038",
        "STATUS": "open",
        "@scores": {},
    }
    assert set(row["@scores"]) == {"cosine_similarity", "text_match", "reranker_score"}
    plain = await caller.cortex("corroded connector", scoring_config={"reranker": "none"})
    assert set(plain.json()["results"][0]["@scores"]) == {"cosine_similarity", "text_match"}


async def test_without_columns_only_the_search_column_comes(caller):
    row = (await caller.cortex("corroded connector", columns=[])).json()["results"][0]
    assert set(row) == {"CONTENT", "@scores"}


async def test_there_are_always_ten_unless_a_limit_is_set(caller):
    assert len(await found(caller, "nothing in here has xyzzy")) == 10
    assert len(await found(caller, "gateway", limit=3)) == 3
    assert len(await found(caller, "gateway", limit=1000)) == 70


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"@eq": {"DOC_ID": "T-1038"}}, ["T-1038"]),
        ({"@eq": {"doc_id": "KB-10"}}, ["KB-10"]),
        ({"@and": [{"@eq": {"CUSTOMER": "Brightwater Seafood"}}, {"@eq": {"STATUS": "open"}}]}, ["T-1038"]),
        ({"@or": [{"@eq": {"DOC_ID": "T-1001"}}, {"@eq": {"DOC_ID": "T-1002"}}]}, ["T-1001", "T-1002"]),
        (
            {"@and": [{"@eq": {"STATUS": "open"}}, {"@not": {"@eq": {"CUSTOMER": "Brightwater Seafood"}}}]},
            ["T-1037", "T-1054", "T-1060"],
        ),
        ({"@gte": {"UPDATED_AT": "2026-11-16"}}, ["T-1037", "T-1038", "T-1054", "T-1060"]),
        ({"@and": [{"@lte": {"UPDATED_AT": "2026-01-10"}}, {"@eq": {"KIND": "ticket"}}]}, ["T-1001"]),
        ({"@contains": {"CUSTOMER": "Calder Trucking"}}, ["T-1013"]),
        ({"@eq": {"DOC_ID": "no such"}}, []),
    ],
)
async def test_filters(caller, filter, expected):
    assert sorted(await found(caller, "logger", filter=filter, limit=50)) == expected


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"columns": ["COLOUR"]}, 400),
        ({"filter": {"@eq": {"TITLE": "x"}}}, 400),
        ({"filter": {"@near": {"DOC_ID": "x"}}}, 400),
        ({"filter": {"@eq": {"DOC_ID": "x", "KIND": "y"}}}, 400),
        ({"filter": {"@eq": {"DOC_ID": "x"}, "@not": {}}}, 400),
        ({"limit": 1001}, 400),
        ({"limit": 0}, 400),
        ({"limit": "all"}, 400),
    ],
)
async def test_what_cannot_be_asked(caller, body, status):
    answer = await caller.cortex("logger", **body)
    assert answer.status_code == status
    assert answer.json()["code"] == answer.json()["error_code"]


async def test_a_service_describes_itself(client):
    described = (await client.get(SERVICE, headers=PAT_HEADERS)).json()
    assert described["search_column"] == "CONTENT"
    assert described["attribute_columns"] == [
        "DOC_ID", "KIND", "CUSTOMER", "PRODUCT", "STATUS", "UPDATED_AT",
    ]  # fmt: skip
    assert (described["serving_state"], described["source_data_num_rows"]) == ("ACTIVE", 70)
    (listed,) = (await client.get(SERVICE.rpartition("/")[0], headers=PAT_HEADERS)).json()
    assert listed == described


async def test_names_may_be_written_in_any_case_and_must_be_there(client):
    assert (await client.get(SERVICE.replace("LARKFIELD", "larkfield"), headers=PAT_HEADERS)).status_code == 200
    missing = await client.get(SERVICE + "_2", headers=PAT_HEADERS)
    assert (missing.status_code, missing.json()["code"]) == (404, "399108")


async def ask(client, question, **more):
    message = {"role": "user", "content": [{"type": "text", "text": question}]}
    body = {"messages": [message], "semantic_model_file": MODEL} | more
    return await client.post(ANALYST, json=body, headers=PAT_HEADERS)


async def test_a_verified_question_is_answered_with_text_and_a_statement_that_runs(client, caller):
    answer = (await ask(client, "Which customers have brought the most revenue this year?")).json()
    text, sql = answer["message"]["content"]
    assert text["type"] == "text"
    assert sql["confidence"]["verified_query_used"]["name"] == "revenue_by_customer"
    assert answer["response_metadata"]["question_category"] == "CLEAR_SQL"
    result = (await caller.statement(sql["statement"])).json()
    assert result["data"][0][0] == "Zephyr Meal Kits"


async def test_any_other_question_is_answered_with_suggestions(client, world):
    answer = (await ask(client, "What is the meaning of life?")).json()
    _, suggestions = answer["message"]["content"]
    assert suggestions["suggestions"] == [query.question for query in world.semantic_models[0].verified_queries]
    assert "sql" not in {part["type"] for part in answer["message"]["content"]}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"semantic_model_file": "@LARKFIELD.SUPPORT.MODELS/other.yaml"}, 404),
        ({"messages": []}, 400),
        ({"messages": [{"role": "analyst", "content": []}]}, 400),
        ({"messages": "hello"}, 400),
        ({"stream": True}, 400),
    ],
)
async def test_what_analyst_cannot_answer(client, more, status):
    assert (await ask(client, "Revenue?", **more)).status_code == status
