"""Throttling: how many tries, by whom, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from auth.limits import Throttle
from database.engine import Database
from errors import TooManyRequests
from tests.clock import HandClock

pytestmark = pytest.mark.anyio

HERE, ELSEWHERE = "198.51.100.7", "203.0.113.9"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def throttle(database: Database, clock: HandClock) -> Throttle:
    return Throttle(database, clock, active=True)


async def refused(throttle: Throttle, email: str, address: str) -> float:
    """Seconds to wait; 0 if a try is allowed."""
    try:
        await throttle.before_sign_in(email, address)
    except TooManyRequests as error:
        return error.retry_after.total_seconds()
    return 0


async def test_ten_failures_close_an_address_for_a_quarter_of_an_hour(throttle: Throttle, clock: HandClock):
    for _ in range(10):
        assert await refused(throttle, "ann@example.com", HERE) == 0
        await throttle.sign_in_failed("ann@example.com", HERE)
    assert await refused(throttle, "ann@example.com", HERE) == 900
    assert await refused(throttle, "ann@example.com", ELSEWHERE) == 900, "from everywhere"
    assert await refused(throttle, "bob@example.com", HERE) == 0, "and nobody else"
    clock.forward(minutes=14)
    assert await refused(throttle, "ann@example.com", HERE) == 60
    clock.forward(minutes=1)
    assert await refused(throttle, "ann@example.com", HERE) == 0


async def test_fifty_failures_close_a_network_for_every_account(throttle: Throttle, clock: HandClock):
    for number in range(50):
        await throttle.sign_in_failed(f"{number}@example.com", f"198.51.100.{number}")
    assert await refused(throttle, "new@example.com", "198.51.100.200") == 900
    assert await refused(throttle, "new@example.com", "198.51.101.1") == 0, "the next network is another one"
    clock.forward(minutes=15)
    assert await refused(throttle, "new@example.com", "198.51.100.200") == 0


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8:0:100::1", "2001:db8:0:1ff:ffff::2", True),
        ("2001:db8:0:100::1", "2001:db8:0:200::1", False),
        ("::ffff:198.51.100.1", "198.51.100.250", True),
        ("198.51.100.1", "198.51.99.1", False),
        ("", "", True),
        ("no address", "no address", True),
    ],
)
async def test_what_one_person_can_have_all_of_counts_as_one(throttle: Throttle, one: str, other: str, together: bool):
    for number in range(50):
        await throttle.sign_in_failed(f"{number}@example.com", one)
    assert (await refused(throttle, "new@example.com", other) > 0) is together


async def test_a_success_forgives_the_address_but_not_the_network(throttle: Throttle):
    for _ in range(9):
        await throttle.sign_in_failed("ann@example.com", HERE)
    await throttle.sign_in_succeeded("ann@example.com")
    for number in range(40):
        assert await refused(throttle, "ann@example.com", HERE) == 0
        await throttle.sign_in_failed(f"{number}@example.com", HERE)
    assert await refused(throttle, "ann@example.com", HERE) == 0, "49 failures so far"
    await throttle.sign_in_failed("last@example.com", HERE)
    assert await refused(throttle, "ann@example.com", HERE) > 0


async def test_failures_at_the_same_moment_are_all_counted(throttle: Throttle):
    await asyncio.gather(*(throttle.sign_in_failed("ann@example.com", HERE) for _ in range(10)))
    assert await refused(throttle, "ann@example.com", HERE) > 0


async def test_a_new_window_begins_at_one(throttle: Throttle, clock: HandClock):
    for _ in range(9):
        await throttle.sign_in_failed("ann@example.com", HERE)
    clock.forward(minutes=16)
    for _ in range(9):
        await throttle.sign_in_failed("ann@example.com", HERE)
        assert await refused(throttle, "ann@example.com", HERE) == 0


async def test_sixty_sign_ups_of_a_network_are_enough_for_ten_minutes(throttle: Throttle, clock: HandClock):
    for _ in range(60):
        await throttle.sign_up(HERE)
    with pytest.raises(TooManyRequests) as caught:
        await throttle.sign_up("198.51.100.250")
    assert caught.value.retry_after.total_seconds() == 600
    await throttle.sign_up(ELSEWHERE)
    clock.forward(minutes=10)
    await throttle.sign_up(HERE)


async def test_switched_off_it_refuses_nobody(database: Database, clock: HandClock):
    throttle = Throttle(database, clock, active=False)
    for _ in range(60):
        await throttle.sign_in_failed("ann@example.com", HERE)
    assert await refused(throttle, "ann@example.com", HERE) == 0


async def test_neither_addresses_nor_networks_are_kept_in_clear(throttle: Throttle, sqlite_url: str):
    await throttle.sign_in_failed("canary@example.com", HERE)
    async with throttle._database.engine.connect() as connection:
        rows = (await connection.exec_driver_sql("SELECT subject FROM attempts")).all()
    assert len(rows) == 2
    assert not any("canary" in row[0] or "198" in row[0].split(":")[0] for row in rows)
