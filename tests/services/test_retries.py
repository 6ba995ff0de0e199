"""A request is repeated where that may help, and only while somebody has time for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from services.retries import RetryBudget, answer_within, is_worth, pause_after

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


async def test_what_may_have_failed_by_chance_is_worth_another_try():
    for status in (None, 500, 503):
        pause = pause_after(status, None)
        assert pause is not None
        assert timedelta(0) < pause < SECOND
    assert pause_after(503, 2 * SECOND) == 2 * SECOND
    assert pause_after(429, SECOND) == SECOND


async def test_what_stands_is_not_asked_for_again():
    assert pause_after(404, None) is None
    assert pause_after(401, SECOND) is None
    assert pause_after(429, None) is None
    assert pause_after(429, 3 * SECOND) is None


async def test_the_first_failure_is_told_where_the_second_try_would_come_too_late():
    answer_within(1.9 * SECOND)
    assert pause_after(429, SECOND) is None
    assert pause_after(None, None) is not None
    answer_within(SECOND)
    assert pause_after(None, None) is None
    assert not is_worth(timedelta(0.0))


async def test_the_time_holds_for_the_tasks_that_it_starts_and_for_no_others():
    async def hurried() -> bool:
        answer_within(SECOND)
        async with asyncio.TaskGroup() as group:
            return not await group.create_task(asked())

    async def asked() -> bool:
        return is_worth(SECOND)

    assert await asyncio.create_task(hurried())
    assert await asked()


async def test_an_outage_is_not_answered_with_twice_the_requests():
    budget, repeated = RetryBudget(), 0
    for _ in range(100):
        budget.earn()
        repeated += budget.spend()
    assert 20 <= repeated <= 23
