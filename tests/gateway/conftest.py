"""A Gatehouse with scripted sources."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scripted import Theatre, theatre


@pytest.fixture
async def scene(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Theatre]:
    async with theatre(sqlite_url, tmp_path) as running:
        yield running
