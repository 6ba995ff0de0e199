from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import pytest

from tests.services.egress.clients import KINDS, Ask
from tests.services.egress.network import Authority, Listener, listening


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def trust(authority: Authority) -> ssl.SSLContext:
    """Believes in the certificates of the fake internet, and in no other."""
    return authority.client_context()


@pytest.fixture
async def canary() -> AsyncIterator[Listener]:
    """Where every dial ends that should not have been."""
    async with listening() as listener:
        yield listener


@pytest.fixture
async def internet(authority: Authority) -> AsyncIterator[Listener]:
    """A TLS server that answers for every host of the fake internet."""
    async with listening(authority.server_context()) as listener:
        yield listener


@pytest.fixture(params=KINDS, ids=[kind.__name__ for kind in KINDS])
def ask(request: pytest.FixtureRequest) -> Ask:
    """One GET through one of the three kinds of client."""
    kind: Ask = request.param
    return kind
