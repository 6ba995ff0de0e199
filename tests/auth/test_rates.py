"""Requests a minute: whom they count for, and what happens while Redis is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from auth.agents import ANONYMOUS, READ, Agent
from auth.rates import RateLimits, Rates
from errors import TooManyRequests
from tests.clock import HandClock
from tests.servers.processes import ServerMissing
from tests.servers.redis import RedisServer, running_redis
from tests.stand import ports

pytestmark = pytest.mark.anyio

HERE, ELSEWHERE = "198.51.100.7", "203.0.113.9"
LIMITS = RateLimits(token=3, user=5, server=8, address=4)
OWNER = uuid4()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    try:
        with running_redis() as server:
            yield server
    except ServerMissing as missing:
        pytest.skip(f"counting in Redis is not tested: {missing}")


@pytest.fixture(params=["memory", "redis"])
async def rates(request: pytest.FixtureRequest, clock: HandClock) -> AsyncIterator[Rates]:
    url = None
    if request.param == "redis":
        url = request.getfixturevalue("redis").fresh_url()
    made = Rates(LIMITS, clock, url)
    yield made
    await made.aclose()


def key(owner: UUID | None = None) -> Agent:
    return Agent(scopes=frozenset({READ}), key_id=uuid4(), user_id=owner)


async def asked(rates: Rates, agent: Agent, server: UUID, *, times: int = 1, address: str = HERE) -> list[float | None]:
    """Seconds to wait per request, None where it was let in."""
    waits: list[float | None] = []
    for _ in range(times):
        try:
            await rates.agent(server, agent, owner_id=OWNER, address=address)
            waits.append(None)
        except TooManyRequests as error:
            waits.append(error.retry_after.total_seconds())
    return waits


async def test_a_token_has_its_share_of_a_minute(rates: Rates):
    server, one, other = uuid4(), key(), key()
    waits = await asked(rates, one, server, times=5)
    assert waits[:3] == [None, None, None]
    assert all(wait is not None and 0 < wait <= 60 for wait in waits[3:])
    assert await asked(rates, other, server) == [None], "another token goes on"


async def test_what_one_token_is_refused_costs_the_others_nothing(rates: Rates):
    """100 refused requests would have used up the account and the server many times over."""
    server, wild, calm = uuid4(), key(), key()
    await asked(rates, wild, server, times=100)
    assert await asked(rates, calm, server, times=2) == [None, None]


async def test_all_tokens_of_an_account_share_its_limit(rates: Rates):
    servers = [uuid4() for _ in range(6)]
    waits = [(await asked(rates, key(), server))[0] for server in servers]
    assert waits[:5] == [None] * 5
    assert waits[5] is not None


async def test_grants_count_for_who_granted_them(rates: Rates):
    server = uuid4()
    anns, bobs = uuid4(), uuid4()
    ann = [Agent(scopes=frozenset({READ}), grant_id=uuid4(), user_id=anns) for _ in range(6)]
    bob = Agent(scopes=frozenset({READ}), grant_id=uuid4(), user_id=bobs)
    waits = [(await asked(rates, one, server))[0] for one in ann]
    assert [wait is None for wait in waits] == [True] * 5 + [False]
    assert await asked(rates, bob, server) == [None]


async def test_a_server_has_a_limit_whoever_comes(rates: Rates):
    server = uuid4()
    waits = [(await asked(rates, key(uuid4()), server))[0] for _ in range(9)]
    assert [wait is None for wait in waits] == [True] * 8 + [False]
    assert await asked(rates, key(uuid4()), uuid4()) == [None]


async def test_who_brings_a_valid_token_never_counts_for_the_address(rates: Rates):
    """All users of a hosted agent come from a few addresses; one of them must not lock the others out."""
    for _ in range(4):
        await rates.stranger(HERE)
    with pytest.raises(TooManyRequests):
        await rates.stranger("198.51.100.250")
    assert await asked(rates, key(), uuid4(), address=HERE) == [None]
    await rates.person(session_id=uuid4(), user_id=uuid4())
    await rates.stranger(ELSEWHERE)


async def test_anonymous_agents_count_for_their_address(rates: Rates):
    waits = [(await asked(rates, ANONYMOUS, uuid4()))[0] for _ in range(5)]
    assert [wait is None for wait in waits] == [True] * 4 + [False]
    assert await asked(rates, ANONYMOUS, uuid4(), address=ELSEWHERE) == [None]


async def test_programs_at_the_authorization_server_get_ten_times_as_much(rates: Rates):
    for _ in range(40):
        await rates.client(HERE)
    with pytest.raises(TooManyRequests):
        await rates.client(HERE)
    await rates.stranger(HERE)


async def test_the_minute_ends(clock: HandClock):
    rates, server, agent = Rates(LIMITS, clock), uuid4(), key()
    assert (await asked(rates, agent, server, times=4))[3] == 60
    clock.forward(seconds=59)
    assert await asked(rates, agent, server) == [1]
    clock.forward(seconds=1)
    assert await asked(rates, agent, server, times=3) == [None] * 3


async def test_without_limits_nobody_is_refused_or_counted(clock: HandClock):
    rates = Rates(None, clock)
    assert await asked(rates, key(), uuid4(), times=100) == [None] * 100


async def test_a_flood_of_addresses_does_not_fill_the_memory(clock: HandClock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("auth.rates._MOST_COUNTED", 50)
    rates = Rates(LIMITS, clock)
    for number in range(200):
        await rates.stranger(f"10.0.{number}.1")
    windows = rates._counter._here.storage._windows  # type: ignore[attr-defined] # a look inside
    assert len(windows) == 50
    clock.forward(minutes=1)
    await rates.stranger(HERE)
    assert len(windows) == 1, "what is over goes with the next newcomer"


async def test_processes_count_together_in_redis(redis: RedisServer, clock: HandClock):
    url = redis.fresh_url()
    one, other, agent, server = Rates(LIMITS, clock, url), Rates(LIMITS, clock, url), key(), uuid4()
    assert await asked(one, agent, server, times=2) == [None, None]
    waits = await asked(other, agent, server, times=2)
    assert [wait is None for wait in waits] == [True, False]
    await one.aclose()
    await other.aclose()


async def test_while_redis_is_away_each_process_counts_and_says_so_once(clock: HandClock):
    (port,) = ports(1)
    rates, server, agent = Rates(LIMITS, clock, f"redis://127.0.0.1:{port}"), uuid4(), key()
    with capture_logs() as logs:
        waits = await asked(rates, agent, server, times=4)
    assert [wait is None for wait in waits] == [True, True, True, False]
    assert [line["event"] for line in logs] == ["rates.redis_away"]
    await rates.aclose()


async def test_redis_is_asked_again_when_it_is_back(
    redis: RedisServer, clock: HandClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("auth.rates._REDIS_AGAIN_S", 0.0)
    rates, server, agent = Rates(LIMITS, clock, redis.fresh_url()), uuid4(), key()
    with capture_logs() as logs:
        await asked(rates, agent, server)
        redis.pause()
        await asked(rates, agent, server)
        redis.resume()
        await asked(rates, agent, server)
    assert [line["event"] for line in logs] == ["rates.redis_away", "rates.redis_back"]
    await rates.aclose()
