"""Programmatic access tokens."""

from __future__ import annotations

import pytest

from sandbox.credentials import DEMO
from tests.sandbox.callers import PAT_HEADERS, SERVICE
from tests.sandbox.snowflake.test_cortex import ANALYST, MODEL

pytestmark = pytest.mark.anyio

TYPE = "x-snowflake-authorization-token-type"


async def test_the_kind_of_token_is_guessed_except_by_analyst(client):
    headers = {"authorization": PAT_HEADERS["authorization"]}
    assert (await client.get(SERVICE, headers=headers)).status_code == 200
    assert (
        await client.post("/snowflake/api/v2/statements", json={"statement": "SELECT 1"}, headers=headers)
    ).is_success
    message = {"role": "user", "content": [{"type": "text", "text": "Revenue?"}]}
    body = {"messages": [message], "semantic_model_file": MODEL}
    taken_for_oauth = await client.post(ANALYST, json=body, headers=headers)
    assert (taken_for_oauth.status_code, taken_for_oauth.json()["code"]) == (401, "390303")
    assert (await client.post(ANALYST, json=body, headers=PAT_HEADERS)).status_code == 200


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"authorization": "Bearer wrong"}, "390303"),
        ({"authorization": ""}, "390303"),
        ({TYPE: "OAUTH"}, "390303"),
        ({"authorization": f"Bearer {DEMO.snowflake.pat_without_policy}"}, "390432"),
    ],
)
async def test_who_is_not_let_in(client, changed, code):
    answer = await client.get(SERVICE, headers=PAT_HEADERS | changed)
    assert (answer.status_code, answer.json()["code"]) == (401, code)


async def test_a_missing_network_policy_is_told_in_words(client):
    headers = PAT_HEADERS | {"authorization": f"Bearer {DEMO.snowflake.pat_without_policy}"}
    assert "Network policy is required" in (await client.get(SERVICE, headers=headers)).json()["message"]


async def test_a_client_says_its_name(client):
    assert (await client.get(SERVICE, headers=PAT_HEADERS | {"user-agent": ""})).status_code == 400


async def test_a_revoked_token(client, sandbox):
    sandbox.secrets.revoke("snowflake")
    assert (await client.get(SERVICE, headers=PAT_HEADERS)).json()["code"] == "390303"
    sandbox.secrets.restore("snowflake")
    assert (await client.get(SERVICE, headers=PAT_HEADERS)).status_code == 200
