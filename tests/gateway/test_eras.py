"""Clients of every protocol revision, imitated in raw JSON, get the same tools and the same answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gateway.wire import ERAS, LEGACY, MODERN, call, initialize, message, reply_in, request
from tests.stand import Stand

pytestmark = pytest.mark.anyio


@pytest.fixture
async def public(gatehouse: Stand) -> dict[str, Any]:
    ann = await gatehouse.person()
    return await gatehouse.server(ann, [await gatehouse.sample(ann)], access="public", instructions="Be kind.")


def base(server: dict[str, Any]) -> str:
    return str(server["url"]).removesuffix("/mcp")


@pytest.mark.parametrize("version", LEGACY)
async def test_a_handshake_is_answered_in_the_revision_that_was_asked_for(
    gatehouse: Stand, public: dict[str, Any], version: str
):
    client = gatehouse.client(base(public))
    response = await client.post("/mcp", json=initialize(version), headers=message())
    result = reply_in(response)["result"]
    assert result["protocolVersion"] == version
    assert result["serverInfo"]["name"] == "gatehouse"
    assert "Be kind." in result["instructions"]
    assert "mcp-session-id" not in response.headers
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert (await client.post("/mcp", json=done, headers=message())).status_code == 202


async def test_a_handshake_of_an_unknown_revision_is_offered_the_newest(gatehouse: Stand, public: dict[str, Any]):
    client = gatehouse.client(base(public))
    for version in ("1999-01-01", "2027-01-01", "x"):
        reply = reply_in(await client.post("/mcp", json=initialize(version), headers=message()))
        assert reply["result"]["protocolVersion"] == "2025-11-25"


async def test_discovery_names_the_revision_and_what_the_handshake_says(gatehouse: Stand, public: dict[str, Any]):
    client = gatehouse.client(base(public))
    found = (await call(client, MODERN, "server/discover"))["result"]
    shaken = reply_in(await client.post("/mcp", json=initialize(), headers=message()))["result"]
    assert found["supportedVersions"] == [MODERN]
    assert found["instructions"] == shaken["instructions"]
    assert found["capabilities"].keys() == shaken["capabilities"].keys()
    assert (found["ttlMs"], found["cacheScope"]) == (60_000, "private")


async def test_every_revision_lists_the_same_tools(gatehouse: Stand, public: dict[str, Any]):
    client = gatehouse.client(base(public))
    lists = {version: (await call(client, version, "tools/list"))["result"]["tools"] for version in ERAS}
    names = [tool["name"] for tool in lists[MODERN]]
    assert len(names) == 4
    for version, tools in lists.items():
        assert [tool["name"] for tool in tools] == names
        assert [tool["inputSchema"] for tool in tools] == [tool["inputSchema"] for tool in lists[MODERN]], version
        assert [tool["description"] for tool in tools] == [tool["description"] for tool in lists[MODERN]]


async def test_every_revision_gets_the_same_answers(gatehouse: Stand, public: dict[str, Any]):
    client = gatehouse.client(base(public))
    answers = set()
    for version in ERAS:
        found = await call(
            client, version, "tools/call", {"name": "search", "arguments": {"query": "active customers"}}
        )
        results = json.loads(found["result"]["content"][0]["text"])["results"]
        fetched = await call(client, version, "tools/call", {"name": "fetch", "arguments": {"id": results[0]["id"]}})
        answers.add(json.dumps([results, fetched["result"]["content"], fetched["result"].get("isError", False)]))
    assert len(answers) == 1


async def test_every_revision_is_told_the_same_errors(gatehouse: Stand, public: dict[str, Any]):
    client = gatehouse.client(base(public))
    told = set()
    for version in ERAS:
        missing = await call(client, version, "tools/call", {"name": "fetch", "arguments": {"id": "x"}})
        unknown = await call(client, version, "tools/call", {"name": "nothing", "arguments": {}})
        told.add((missing["result"]["isError"], missing["result"]["content"][0]["text"], *unknown["error"].values()))
    assert len(told) == 1


@pytest.mark.parametrize("version", ERAS)
async def test_progress_is_streamed_to_whoever_gave_a_token(gatehouse: Stand, public: dict[str, Any], version: str):
    params = {"name": "search", "arguments": {"query": "active"}, "_meta": {"progressToken": "t-1"}}
    headers, body = request(version, "tools/call", params, id="call-1")
    response = await gatehouse.client(base(public)).post("/mcp", json=body, headers=headers)
    assert response.headers["content-type"].startswith("text/event-stream")
    messages = [json.loads(line[5:]) for line in response.text.splitlines() if line.startswith("data:")]
    progress, result = messages
    assert progress["method"] == "notifications/progress"
    assert progress["params"]["progressToken"] == "t-1"
    assert (progress["params"]["progress"], progress["params"]["total"]) == (1, 1)
    assert result["id"] == "call-1"


@pytest.mark.parametrize("version", ERAS)
async def test_a_posted_cancellation_is_acknowledged_and_touches_nobody(
    gatehouse: Stand, public: dict[str, Any], version: str
):
    """No request is kept between messages, and ids are chosen by clients: closing the connection cancels."""
    headers, body = request(version, "notifications/cancelled", {"requestId": 1, "reason": "enough"})
    del body["id"]
    response = await gatehouse.client(base(public)).post("/mcp", json=body, headers=headers)
    assert (response.status_code, response.content) == (202, b"")


async def test_a_session_id_is_neither_given_nor_asked_for(gatehouse: Stand, public: dict[str, Any]):
    client = gatehouse.client(base(public), **{"Mcp-Session-Id": "made-up"})
    for version in ERAS:
        headers, body = request(version, "tools/list")
        response = await client.post("/mcp", json=body, headers=headers)
        assert response.status_code == 200
        assert "mcp-session-id" not in response.headers
