"""A publisher of documents, and the clients that know it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from auth.limits import Throttle
from auth.oauth.clients import Clients
from auth.oauth.documents import Documents
from database.engine import Database
from tests.auth.oauth.publisher import Publisher, publishing
from tests.clock import HandClock
from tests.services.egress.network import Authority


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def publisher(authority: Authority) -> AsyncIterator[Publisher]:
    async with publishing(authority) as running:
        yield running


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def clients(database: Database, publisher: Publisher, clock: HandClock) -> AsyncIterator[Clients]:
    """On both engines."""
    throttle = Throttle(database, clock, active=True)
    made = Clients(database, Documents(publisher.egress), throttle, clock, policy="any")
    yield made
    await made.aclose()
