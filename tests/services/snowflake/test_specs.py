"""What we send, held against Snowflake's own descriptions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from openapi_core.exceptions import OpenAPIError
from starlette.responses import JSONResponse

from services.snowflake.account import Request
from services.snowflake.analyst import CortexAnalyst
from services.snowflake.search import CortexSearch, Equals, ServiceName
from services.snowflake.statements import Binding, Session, Statement, Statements
from tests.services.snowflake.specs import SentRequest, load
from tests.services.snowflake.stand_in import Columns, StandIn, Warehouse, account_for

pytestmark = pytest.mark.anyio

SERVICE = ServiceName("DB", "S", "DOCS")
WRONG = Request(method="POST", path="/api/v2/statements", body={"statement": 7})


@pytest.fixture(scope="module")
def specs():
    return load()


async def test_every_request_of_the_sql_api_is_as_described(specs):
    warehouse = Warehouse(lambda *_: Columns([("N", "fixed")], [["1"]] * 5), looks=1, partition_rows=2)
    stand_in = StandIn(warehouse)
    session = Session(database="DB", schema="S", warehouse="WH", role="R")
    await Statements(account_for(stand_in), session).run(
        Statement(sql="select ?", bindings=[Binding("TEXT", "x")], tag="t", timeout=timedelta(seconds=9), max_rows=9)
    )
    await account_for(stand_in).send(Request(method="POST", path=f"{stand_in.asked[1].path}/cancel"))
    assert [asked.method for asked in stand_in.asked] == ["POST", "GET", "GET", "GET", "GET", "POST"]
    for asked in stand_in.asked:
        specs["snowflake-sqlapi"].validate_request(SentRequest(asked))


async def test_every_request_of_cortex_search_is_as_described(specs):
    stand_in = StandIn(
        JSONResponse({"search_column": "BODY", "columns": ["ID"]}), JSONResponse({"results": [], "request_id": "r"})
    )
    search = CortexSearch(account_for(stand_in), SERVICE)
    await search.describe()
    await search.query("x", columns=["ID"], limit=3)
    await search.query("x", columns=["ID"], limit=3, only=Equals("ID", "7"), is_ranked=False)
    for asked in stand_in.asked:
        specs["snowflake-cortex-search"].validate_request(SentRequest(asked))


async def test_every_request_of_cortex_analyst_is_as_described(specs):
    stand_in = StandIn(JSONResponse({"message": {"content": []}}))
    await CortexAnalyst(account_for(stand_in), "@DB.S.STAGE/m.yaml").interpret("q")
    specs["snowflake-cortex-analyst"].validate_request(SentRequest(stand_in.asked[0]))


async def test_the_oracle_refuses_what_is_not_as_described(specs):
    stand_in = StandIn(JSONResponse({"statementHandle": "01b2-c3d4"}, 202))
    await account_for(stand_in).send(WRONG)
    with pytest.raises(OpenAPIError):
        specs["snowflake-sqlapi"].validate_request(SentRequest(stand_in.asked[0]))
