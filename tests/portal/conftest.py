"""Fixtures of the portal's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import HandClock
from tests.portal import vault
from tests.stand import Stand, settings_for, stand


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def vaults(sqlite_url: str, tmp_path: Path, clock: HandClock) -> AsyncIterator[Stand]:
    """A Gatehouse that knows vaults too, on SQLite, with a clock in the test's hand."""
    vault.Vault.tried = ()
    async with stand(settings_for(sqlite_url, tmp_path), vault.registry(), clock) as running:
        yield running


@pytest.fixture
async def vaults_on_both(database_url: str, tmp_path: Path, clock: HandClock) -> AsyncIterator[Stand]:
    """The same, once per engine."""
    vault.Vault.tried = ()
    async with stand(settings_for(database_url, tmp_path), vault.registry(), clock) as running:
        yield running
