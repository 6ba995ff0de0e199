"""One fetch per expiry, whatever happens around it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from errors import SourceTimeout, SourceUnauthorized, SourceUnavailable
from services.tokens import Token, TokenCache

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


class Clock:
    """A time that moves when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Vendor:
    """Issues token-1, token-2, ... when `open` is set; fails with what `failing` says."""

    def __init__(self, lifetime: timedelta = HOUR) -> None:
        self.asked = 0
        self.lifetime = lifetime
        self.failing: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> Token:
        self.asked += 1
        number = self.asked
        await self.open.wait()
        if self.failing is not None:
            raise self.failing
        return Token(f"token-{number}", self.lifetime)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def vendor():
    return Vendor()


@pytest.fixture
async def cache(vendor, clock):
    cache = TokenCache(vendor, clock=clock)
    yield cache
    await cache.aclose()


async def settle():
    """Let every task that can run do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_two_hundred_waiting_calls_are_one_fetch(vendor, cache):
    vendor.open.clear()
    calls = [asyncio.create_task(cache.get()) for _ in range(200)]
    await settle()
    vendor.open.set()
    tokens = await asyncio.gather(*calls)
    assert vendor.asked == 1
    assert {token.value for token in tokens} == {"token-1"}


async def test_two_hundred_calls_on_an_expired_token_are_one_more_fetch(vendor, cache, clock):
    await cache.get()
    clock.now += 2 * HOUR
    tokens = await asyncio.gather(*(cache.get() for _ in range(200)))
    assert vendor.asked == 2
    assert {token.value for token in tokens} == {"token-2"}


async def test_a_token_is_reused_while_it_is_good(vendor, cache, clock):
    await cache.get()
    clock.now += timedelta(minutes=54)
    await cache.get()
    await settle()
    assert vendor.asked == 1


async def test_renewal_runs_early_and_nobody_waits_for_it(vendor, cache, clock):
    await cache.get()
    clock.now += timedelta(minutes=56)
    vendor.open.clear()
    assert [(await cache.get()).value for _ in range(50)] == ["token-1"] * 50
    await settle()
    assert vendor.asked == 2
    vendor.open.set()
    await settle()
    assert (await cache.get()).value == "token-2"


async def test_a_failed_early_renewal_leaves_the_token_in_service_and_is_tried_again_later(vendor, cache, clock):
    await cache.get()
    clock.now += timedelta(minutes=56)
    vendor.failing = SourceUnavailable("down")
    for _ in range(20):
        assert (await cache.get()).value == "token-1"
        await settle()
    assert vendor.asked == 2
    vendor.failing = None
    clock.now += timedelta(seconds=31)
    await cache.get()
    await settle()
    assert (await cache.get()).value == "token-3"


async def test_a_token_about_to_expire_is_not_handed_out(vendor, cache, clock):
    await cache.get()
    clock.now += HOUR - timedelta(seconds=29)
    assert (await cache.get()).value == "token-2"


async def test_a_short_lived_token_is_used_for_half_its_life_before_it_is_renewed(cache, vendor, clock):
    vendor.lifetime = timedelta(seconds=60)
    await cache.get()
    clock.now += timedelta(seconds=29)
    await cache.get()
    await settle()
    assert vendor.asked == 1
    clock.now += timedelta(seconds=2)
    assert (await cache.get()).value == "token-1"
    await settle()
    assert vendor.asked == 2


async def test_everybody_who_waits_shares_the_error_and_the_next_call_asks_again(vendor, cache):
    vendor.failing = SourceUnauthorized("The secret is wrong.")
    vendor.open.clear()
    calls = [asyncio.create_task(cache.get()) for _ in range(20)]
    await settle()
    vendor.open.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} == {SourceUnauthorized}
    assert vendor.asked == 1
    vendor.failing = None
    assert (await cache.get()).value == "token-2"


async def test_a_caller_that_gives_up_does_not_stop_the_others(vendor, cache):
    vendor.open.clear()
    hasty = asyncio.create_task(cache.get())
    await settle()
    patient = asyncio.create_task(cache.get())
    await settle()
    hasty.cancel()
    await settle()
    assert hasty.cancelled()
    vendor.open.set()
    assert (await patient).value == "token-1"
    assert vendor.asked == 1


async def test_a_fetch_outlives_a_budget_so_that_the_next_call_has_its_token(vendor, cache):
    vendor.open.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await cache.get()
    vendor.open.set()
    await settle()
    assert (await cache.get()).value == "token-1"
    assert vendor.asked == 1


async def test_a_fetch_that_hangs_is_cut_off_and_the_next_call_asks_again(clock):
    vendor = Vendor()
    vendor.open.clear()
    cache = TokenCache(vendor, clock=clock, timeout=timedelta(milliseconds=20))
    with pytest.raises(SourceTimeout, match=r"within 0\.02 s"):
        await cache.get()
    vendor.open.set()
    assert (await cache.get()).value == "token-2"


async def test_whoever_joined_a_fetch_that_hangs_tries_once_more_with_the_others(clock):
    vendor = Vendor()
    vendor.open.clear()
    cache = TokenCache(vendor, clock=clock, timeout=timedelta(milliseconds=50))
    first = asyncio.create_task(cache.get())
    await settle()
    later = [asyncio.create_task(cache.get()) for _ in range(20)]
    with pytest.raises(SourceTimeout):
        await first
    vendor.open.set()
    tokens = await asyncio.gather(*later)
    assert {token.value for token in tokens} == {"token-2"}
    assert vendor.asked == 2


async def test_a_refused_token_is_fetched_anew_once_by_all_who_were_refused(vendor, cache):
    token = await cache.get()
    for _ in range(50):
        cache.reject(token)
    tokens = await asyncio.gather(*(cache.get() for _ in range(50)))
    assert {token.value for token in tokens} == {"token-2"}
    cache.reject(token)
    assert (await cache.get()).value == "token-2"
    assert vendor.asked == 2


async def test_closing_ends_a_fetch_under_way_with_an_error_and_not_with_a_cancellation(vendor, cache):
    vendor.open.clear()
    call = asyncio.create_task(cache.get())
    await settle()
    await cache.aclose()
    with pytest.raises(SourceUnavailable, match="closed"):
        await call


async def test_an_error_that_nobody_waited_for_is_not_reported_by_the_event_loop(vendor, clock):
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
    cache = TokenCache(vendor, clock=clock)
    vendor.failing = SourceUnavailable("down")
    vendor.open.clear()
    call = asyncio.create_task(cache.get())
    await settle()
    call.cancel()
    vendor.open.set()
    await settle()
    del cache
    assert reported == []


def test_a_token_hides_its_value():
    assert "s3cret" not in repr(Token("s3cret", HOUR))
