"""A Snowflake account for the tests beside this file, and sources connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from handlers.snowflake import HANDLER
from handlers.snowflake.source import SnowflakeSource
from tests.handlers.snowflake.example import SERVICE_SETTINGS, TABLE_SETTINGS, Account, lent_by

Connect = Callable[..., SnowflakeSource]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
async def connect(account, tmp_path) -> AsyncIterator[Connect]:
    """Connects with these settings changed; sources are closed when the test is over."""
    async with AsyncExitStack() as opened:

        def connect_with(settings: Any, **changes: Any) -> SnowflakeSource:
            config = HANDLER.config.model_validate({**settings, **changes})
            source = HANDLER.connect(config, lent_by(account, tmp_path))
            assert isinstance(source, SnowflakeSource)
            opened.push_async_callback(source.aclose)
            return source

        yield connect_with


@pytest.fixture
def service(connect) -> SnowflakeSource:
    source: SnowflakeSource = connect(SERVICE_SETTINGS)
    return source


@pytest.fixture
def table(connect) -> SnowflakeSource:
    source: SnowflakeSource = connect(TABLE_SETTINGS)
    return source
