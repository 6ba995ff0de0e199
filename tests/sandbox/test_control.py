"""`/control`: seeing and steering a sandbox from another process."""

from __future__ import annotations

import pytest

from sandbox.behaviour import SOURCES

pytestmark = pytest.mark.anyio


async def report(client, source):
    return (await client.get("/control")).json()["sources"][source]


async def test_what_was_asked_is_counted_by_source_and_route(caller, client):
    await caller.box("/search", query="x")
    await caller.box("/search")
    await caller.box("/nowhere")
    assert await report(client, "box") == {
        "requests": 4,
        "routes": {"search": 2, "token": 1, "unknown": 1},
        "statuses": {"200": 2, "400": 1, "404": 1},
        "token_requests": 1,
        "aborted": 0,
        "peak": 1,
    }
    assert (await report(client, "graph"))["requests"] == 0
    assert set((await client.get("/control")).json()["sources"]) == set(SOURCES)


async def test_counting_can_begin_again(caller, client):
    await caller.entra()
    assert (await client.delete("/control/counters")).status_code == 204
    assert (await report(client, "entra"))["requests"] == 0


async def test_faults_come_and_go(caller, client):
    order = {"source": "outlook", "kind": "429", "retry_after_s": 9, "times": 2}
    ordered = await client.post("/control/faults", json=order)
    assert ordered.status_code == 201
    assert (await client.get("/control")).json()["faults"] == [ordered.json()]
    spoilt = await caller.graph("/messages")
    assert (spoilt.status_code, spoilt.headers["retry-after"]) == (429, "9")
    await client.post("/control/faults", json={"source": "box", "kind": "500"})
    await client.delete("/control/faults", params={"source": "box"})
    assert [fault["source"] for fault in (await client.get("/control")).json()["faults"]] == ["graph"]
    await client.delete("/control/faults")
    assert (await caller.graph("/messages")).status_code == 200


async def test_tokens_expire_and_secrets_are_revoked_on_request(caller, client):
    assert (await caller.graph("/messages")).status_code == 200
    await client.post("/control/tokens/expire", json={"source": "outlook"})
    assert (await caller.graph("/messages")).status_code == 401
    await client.post("/control/secrets/revoke", json={"source": "entra"})
    assert (await caller.entra()).status_code == 401
    await client.post("/control/secrets/restore", json={"source": "entra"})
    assert (await caller.entra()).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/control/faults", {"source": "fax", "kind": "500"}),
        ("/control/faults", {"source": "box", "kind": "sulks"}),
        ("/control/faults", {"source": "box", "kind": "500", "times": 0}),
        ("/control/faults", {"source": "box", "kind": "500", "colour": "red"}),
        ("/control/tokens/expire", {}),
    ],
)
async def test_orders_that_make_no_sense(client, path, body):
    answer = await client.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_there_is_no_other_order(client):
    assert (await client.delete("/control/faults", params={"source": "fax"})).status_code == 422
    assert (await client.post("/control/secrets/whisper", json={"source": "box"})).status_code == 404


async def test_nothing_else_is_served(client):
    for path in ("/", "/elsewhere", "/graphs/v1.0"):
        answer = await client.get(path)
        assert (answer.status_code, "/control" in answer.json()["message"]) == (404, True)
