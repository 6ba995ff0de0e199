"""Cortex Search: paths, bodies and rows."""

from __future__ import annotations

import pytest
from starlette.responses import JSONResponse

from errors import SourceUnavailable
from services.snowflake.refusals import NotGranted, StatementRejected
from services.snowflake.search import CortexSearch, Equals, ServiceName
from tests.services.snowflake.stand_in import StandIn, account_for, refused

pytestmark = pytest.mark.anyio

DESCRIPTION = {
    "name": "DOCS",
    "search_column": "BODY",
    "columns": ["ID", "TITLE", "BODY", "REGION"],
    "attribute_columns": ["ID", "REGION"],
    "serving_state": "ACTIVE",
    "definition": "select 1",
}
NO_RESULTS = JSONResponse({"results": [], "request_id": "r"})


def search_of(stand_in: StandIn, name: ServiceName = ServiceName("DB", "S", "DOCS")) -> CortexSearch:  # noqa: B008 - frozen
    return CortexSearch(account_for(stand_in), name)


async def test_a_service_describes_itself():
    stand_in = StandIn(JSONResponse(DESCRIPTION))
    service = await search_of(stand_in).describe()
    assert stand_in.asked[0].path == "/api/v2/databases/DB/schemas/S/cortex-search-services/DOCS"
    assert service.search_column == "BODY"
    assert service.columns == ("ID", "TITLE", "BODY", "REGION")
    assert service.attribute_columns == ("ID", "REGION")
    assert service.is_serving


@pytest.mark.parametrize("state", ["SUSPENDED", "INITIALIZING"])
async def test_a_service_that_is_not_ready_says_so(state):
    service = await search_of(StandIn(JSONResponse({**DESCRIPTION, "serving_state": state}))).describe()
    assert not service.is_serving


async def test_names_that_need_quotes_get_them_in_the_path():
    stand_in = StandIn(JSONResponse(DESCRIPTION), NO_RESULTS)
    search = search_of(stand_in, ServiceName("my db", "s/../x", "docs"))
    await search.describe()
    await search.query("x", columns=["ID"], limit=1)
    described, queried = (asked.path for asked in stand_in.asked)
    assert described == "/api/v2/databases/%22my%20db%22/schemas/%22s%2F..%2Fx%22/cortex-search-services/%22docs%22"
    assert queried == f"{described}:query"


async def test_a_search_asks_for_what_it_needs_and_no_more():
    stand_in = StandIn(NO_RESULTS)
    assert await search_of(stand_in).query("refund policy", columns=["ID", "BODY"], limit=30) == []
    assert stand_in.asked[0].method == "POST"
    assert stand_in.asked[0].body == {"query": "refund policy", "columns": ["ID", "BODY"], "limit": 30}


async def test_a_filter_is_an_equation():
    stand_in = StandIn(NO_RESULTS)
    await search_of(stand_in).query("7", columns=["ID"], limit=5_000, only=Equals("ID", 7), is_ranked=False)
    body = stand_in.asked[0].body
    assert body["filter"] == {"@eq": {"ID": 7}}
    assert body["scoring_config"] == {"reranker": "none"}
    assert body["limit"] == 1_000


async def test_values_come_as_text_without_scores_and_nulls():
    row = {"ID": 7, "TITLE": "A", "BODY": None, "REGION": ["EU"], "@scores": {"reranker_score": 1.8}}
    stand_in = StandIn(JSONResponse({"results": [row], "request_id": "r"}))
    rows = await search_of(stand_in).query("x", columns=["ID", "TITLE", "BODY", "REGION"], limit=1)
    assert rows == [{"ID": "7", "TITLE": "A", "REGION": '["EU"]'}]


async def test_a_service_that_is_not_there_is_the_owners_to_find():
    with pytest.raises(NotGranted) as raised:
        await search_of(StandIn(refused(404))).describe()
    assert "Cortex Search service" in raised.value.message


async def test_a_filter_on_what_is_no_attribute_is_rejected():
    with pytest.raises(StatementRejected) as raised:
        await search_of(StandIn(refused(400, "399108"))).query("x", columns=["ID"], limit=1, only=Equals("BODY", "x"))
    assert "attributes" in raised.value.message


async def test_an_answer_still_under_way_is_not_taken_for_an_empty_one():
    later = JSONResponse({"code": "392604", "message": "Request execution in progress."}, 202)
    with pytest.raises(SourceUnavailable):
        await search_of(StandIn(later)).query("x", columns=["ID"], limit=1)
