"""A source when Box makes trouble, against the sandbox: the right error within the budget, and then on as before."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from errors import (
    GatehouseError,
    NotFound,
    SourceError,
    SourceRateLimited,
    SourceUnauthorized,
    SourceUnavailable,
)
from handlers.base import SearchQuery
from sandbox.app import Sandbox
from sandbox.faults import KINDS, Fault, Kind
from tests.handlers.box.conftest import Connect

pytestmark = pytest.mark.anyio

BUDGET_S = 1.5
SHORT_BUDGET_S = 0.4
"""For what never ends by itself: it shows the same as a long one."""
SLACK_S = 0.5
QUERY = SearchQuery(text="quarterly", limit=10)
OUT_OF_TIME: frozenset[Kind] = frozenset({"hung", "slow-headers", "drip"})
SEARCHING: dict[Kind, type[Exception]] = {
    "401": SourceUnauthorized,
    "403": SourceUnauthorized,
    "404": SourceUnavailable,
    "429": SourceRateLimited,
    "429-bare": SourceRateLimited,
    "500": SourceUnavailable,
    "503": SourceUnavailable,
    "hung": TimeoutError,
    "slow-headers": TimeoutError,
    "drip": TimeoutError,
    "cut": SourceUnavailable,
    "wrong-type": SourceUnavailable,
    "not-json": SourceUnavailable,
    "refused": SourceUnavailable,
}
FETCHING = SEARCHING | {"403": NotFound, "404": NotFound}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_search_ends_in_the_right_error_and_the_next_one_works(connect: Connect, sandbox: Sandbox, kind: Kind):
    async with connect() as source:
        found = await source.search(QUERY)
        sandbox.faults.add(Fault(source="box", kind=kind, route="search", retry_after_s=1))
        started = time.monotonic()
        with pytest.raises(SEARCHING[kind]):
            async with asyncio.timeout(SHORT_BUDGET_S if kind in OUT_OF_TIME else 2 * BUDGET_S):
                await source.search(QUERY)
        assert time.monotonic() - started < 2 * BUDGET_S + SLACK_S
        assert sandbox.traffic.count("box", "search") <= 1 + 2
        sandbox.faults.clear()
        assert await source.search(QUERY) == found


@pytest.mark.parametrize("kind", KINDS)
async def test_a_fetch_ends_in_the_right_error_and_the_next_one_works(connect: Connect, sandbox: Sandbox, kind: Kind):
    async with connect() as source:
        document = await source.fetch("9003")
        sandbox.faults.add(Fault(source="box", kind=kind, route="file", retry_after_s=1))
        with pytest.raises(FETCHING[kind]):
            async with asyncio.timeout(SHORT_BUDGET_S if kind in OUT_OF_TIME else 2 * BUDGET_S):
                await source.fetch("9003")
        assert sandbox.traffic.count("box", "file") <= 1 + 2
        sandbox.faults.clear()
        assert await source.fetch("9003") == document


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in OUT_OF_TIME | {"401", "403", "404"}])
async def test_signing_in_ends_in_the_right_error_and_the_next_time_works(
    connect: Connect, sandbox: Sandbox, kind: Kind
):
    sandbox.faults.add(Fault(source="box", kind=kind, route="token", retry_after_s=30))
    async with connect() as source:
        with pytest.raises(SEARCHING[kind]):
            await source.search(QUERY)
        assert sandbox.traffic.count("box", "token") <= 2
        assert sandbox.traffic.count("box", "search") == 0
        sandbox.faults.clear()
        assert await source.search(QUERY)


async def test_two_hundred_searches_on_an_expired_token_sign_in_once(connect: Connect, sandbox: Sandbox):
    async with connect() as source:
        await source.search(QUERY)
        sandbox.tokens.expire("box")
        before = sandbox.traffic.count("box", "token")
        await asyncio.gather(*(source.search(QUERY) for _ in range(200)), return_exceptions=True)
        assert sandbox.traffic.count("box", "token") - before == 1


async def test_a_revoked_secret_asks_for_the_owner(connect: Connect, sandbox: Sandbox):
    async with connect() as source:
        await source.search(QUERY)
        sandbox.secrets.revoke("box")
        with pytest.raises(SourceUnauthorized, match="client secret is wrong"):
            await source.search(QUERY)
        sandbox.secrets.restore("box")
        assert await source.search(QUERY)


async def test_a_wrong_secret_is_told_in_words(connect: Connect):
    async with connect(client_secret="not-the-secret") as source:
        with pytest.raises(SourceUnauthorized, match="client secret is wrong") as refused:
            await source.check()
    assert "not-the-secret" not in refused.value.message


async def test_a_subject_that_is_not_allowed_is_told_in_words(connect: Connect):
    async with connect(subject_type="user", subject_id="30099") as source:
        with pytest.raises(SourceUnauthorized, match="may not act as this subject"):
            await source.check()


async def test_a_burst_of_searches_waits_or_is_refused_and_is_no_storm(connect: Connect, sandbox: Sandbox):
    async with connect() as source:
        ends = await asyncio.gather(*(source.search(QUERY) for _ in range(100)), return_exceptions=True)
    kinds = Counter(type(end) for end in ends)
    assert set(kinds) <= {list, SourceRateLimited}
    assert kinds[list] >= 6
    assert all(end.retry_after for end in ends if isinstance(end, SourceRateLimited))
    assert sandbox.traffic.count("box", "search") <= 123
    assert sandbox.traffic.count("box", "token") == 1


async def test_a_spent_minute_is_refused_at_once_and_asked_for_once(connect: Connect, sandbox: Sandbox):
    async with connect() as source:
        await source.search(QUERY)
        sandbox.faults.add(Fault(source="box", kind="429", retry_after_s=42))
        before = sandbox.traffic.count("box")
        started = time.monotonic()
        with pytest.raises(SourceRateLimited) as limited:
            await source.search(QUERY)
        assert time.monotonic() - started < SLACK_S
        assert limited.value.retry_after is not None
        assert limited.value.retry_after.total_seconds() == 42
        assert sandbox.traffic.count("box") - before == 1


async def test_peeking_stops_where_box_refuses(connect: Connect, sandbox: Sandbox):
    async with connect() as source:
        await source.search(QUERY)
        sandbox.faults.add(Fault(source="box", kind="429", retry_after_s=42))
        before = sandbox.traffic.count("box")
        with pytest.raises(SourceRateLimited):
            await source.texts([str(9000 + number) for number in range(10)])
        assert sandbox.traffic.count("box") - before <= 5


async def test_a_caller_that_leaves_stops_what_box_was_doing_for_it(connect: Connect, sandbox: Sandbox):
    async with connect() as source:
        await source.search(QUERY)
        sandbox.faults.add(Fault(source="box", kind="drip", route="search", pace_s=0.05))
        searching = asyncio.ensure_future(source.search(QUERY))
        await asyncio.sleep(0.3)
        searching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await searching
        for _ in range(40):
            await asyncio.sleep(0.05)
            if sandbox.traffic.aborted("box"):
                break
        assert sandbox.traffic.aborted("box") == 1


def test_every_end_is_one_of_ours():
    assert all(issubclass(end, GatehouseError | TimeoutError) for end in {*SEARCHING.values(), *FETCHING.values()})
    assert not issubclass(NotFound, SourceError)
