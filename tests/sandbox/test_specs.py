"""That the oracle which looks at every reply in these tests is there, and would notice."""

from __future__ import annotations

import httpx2
import pytest

from tests.sandbox.callers import PAT_HEADERS
from tests.sandbox.specs import MISSING, Undescribed

pytestmark = pytest.mark.anyio


@pytest.fixture
def present(oracle):
    if oracle is None:
        pytest.skip(MISSING)
    return oracle


async def test_a_reply_of_every_vendor_is_checked(present, caller):
    for call in (
        caller.entra(),
        caller.graph("/messages"),
        caller.box_token(),
        caller.box("/search", query="contract"),
        caller.statement("SELECT 1"),
        caller.cortex("gateway"),
    ):
        before = present.checked
        await call
        assert present.checked > before
    before = present.checked
    asked = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Revenue?"}]}]}
    await caller.client.post("/snowflake/api/v2/cortex/analyst/message", json=asked, headers=PAT_HEADERS)
    assert present.checked == before + 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/graph/v1.0/users/u/messages", {"value": [{"subject": 7}]}),
        ("/box/2.0/search", {"type": "search_results_items", "entries": [{"type": "file", "id": 7}]}),
        ("/snowflake/api/v2/statements/x", {"data": [[1]], "statementHandle": "x"}),
    ],
)
def test_a_wrong_reply_is_noticed(present, path, body):
    request = httpx2.Request("GET", f"http://sandbox.example.com{path}")
    with pytest.raises(Undescribed):
        present.check(httpx2.Response(200, json=body, request=request))
