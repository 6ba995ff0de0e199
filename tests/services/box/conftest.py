"""Shared by the tests of the Box service."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import services.box.sdk  # noqa: F401 - loaded here, or the first test would wait for it within its time
from services.box.client import Box
from tests.services.box.stand_in import StandIn, box_at, listening


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def vendor() -> AsyncIterator[StandIn]:
    """Answers on a free port of loopback, as it is told to."""
    async with listening() as stand_in:
        yield stand_in


@pytest.fixture
async def box(vendor: StandIn) -> AsyncIterator[Box]:
    async with box_at(vendor.origin) as box:
        yield box
