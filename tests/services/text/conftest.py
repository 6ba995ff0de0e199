from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from services.text import Extracted, Limits, TextExtractor
from services.text.extracted import File
from services.text.readers import extract

Read = Callable[..., Extracted]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def read() -> Read:
    """Reads a file in this process, as the worker would in its own."""

    def read(data: bytes, name: str = "file", content_type: str = "", **limits: Any) -> Extracted:
        file = File(data=data, name=name, content_type=content_type, limits=Limits(**limits))
        return extract(file, out_of_time=lambda: False)

    return read


@pytest.fixture
async def extractor() -> AsyncIterator[TextExtractor]:
    extractor = TextExtractor(workers=1)
    yield extractor
    await extractor.aclose()
