"""Reading within bounds."""

from __future__ import annotations

import pytest

from errors import SourceUnavailable
from services.graph.replies import read_within

pytestmark = pytest.mark.anyio


async def test_what_is_too_long_is_not_read_further():
    given = 0

    async def pieces():
        nonlocal given
        while True:
            given += 1
            yield b"x" * 1_000

    with pytest.raises(SourceUnavailable, match="larger than 2 MB"):
        await read_within(pieces(), 2_000_000)
    assert given == 2_001


async def test_what_fits_is_whole():
    async def pieces():
        yield b"ab"
        yield b"c"

    assert await read_within(pieces(), 3) == b"abc"
