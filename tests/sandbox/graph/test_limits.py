"""Who is let in, and how often."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from sandbox.behaviour import Behaviour
from tests.sandbox.callers import GRAPH

pytestmark = pytest.mark.anyio


async def test_no_token_and_a_made_up_one(client):
    for headers in ({}, {"authorization": "Bearer made-up"}, {"authorization": "Basic YTpi"}):
        answer = await client.get(f"{GRAPH}/users/u/messages", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("behaviour", [Behaviour(latency=timedelta(milliseconds=50))])
async def test_the_fifth_request_at_once_is_one_too_many(caller, sandbox):
    await caller.graph("/messages", top="1")
    answers = await asyncio.gather(*(caller.graph("/messages", top="1") for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["code"] == "ApplicationThrottled"
    assert int(refused.headers["retry-after"]) >= 1
    assert (await caller.graph("/messages", top="1")).status_code == 200
    assert sandbox.traffic.peak("graph") == 6


@pytest.mark.slow
async def test_ten_thousand_requests_in_ten_minutes_for_each_mailbox(caller, clock):
    for _ in range(10_000):
        await caller.graph("/messages", user="nobody@larkfield.example.com")
    clock.pass_(60)
    refused = await caller.graph("/messages", user="nobody@larkfield.example.com")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "540")
    assert (await caller.graph("/messages", top="1")).status_code == 200


async def test_the_query_api_is_closed_to_applications(caller, client):
    token = (await caller.entra()).json()["access_token"]
    answer = await client.post(f"{GRAPH}/search/query", json={}, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 400
    assert "Application permission is only supported" in answer.json()["error"]["message"]


async def test_what_is_not_there(caller, client):
    token = (await caller.entra()).json()["access_token"]
    answer = await client.get(f"{GRAPH}/users/u/calendar", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")
