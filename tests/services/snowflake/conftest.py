"""Shared by the tests of the Snowflake services."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
