"""A sandbox with the sample company, and callers whose answers the vendors' own descriptions are held against."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from sandbox.app import Sandbox, create_app
from sandbox.behaviour import Behaviour
from sandbox.sample import sample_company
from sandbox.server import serve
from sandbox.world import World
from tests.sandbox.callers import Caller, calling
from tests.sandbox.specs import SPECS, Oracle

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class SteppedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture(scope="session")
def oracle() -> Oracle | None:
    """None where the descriptions are missing: what is tested beside them stays."""
    return Oracle() if SPECS.is_dir() else None


@pytest.fixture(scope="session")
def world() -> World:
    return sample_company()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def behaviour() -> Behaviour:
    """What a test of its own pace overrides by parametrizing."""
    return Behaviour()


@pytest.fixture
def sandbox(world: World, clock: SteppedClock, behaviour: Behaviour) -> Sandbox:
    return create_app(world, clock=clock, behaviour=behaviour)


@pytest.fixture
async def caller(sandbox: Sandbox, oracle: Oracle | None) -> AsyncIterator[Caller]:
    """In process. Every answer is checked against the vendors' descriptions."""
    async with calling(sandbox, oracle) as opened:
        yield opened


@pytest.fixture
def client(caller: Caller) -> httpx2.AsyncClient:
    """The same, without anybody's credentials."""
    return caller.client


@pytest.fixture
def base_url(sandbox: Sandbox) -> Iterator[str]:
    """On a real socket."""
    with serve(sandbox) as served:
        yield served
