"""Shared by the tests of the kind `box`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

import services.box.sdk  # noqa: F401 - loaded here, or the first test would wait for it within its time
from handlers.base import DatabaseRules, Endpoints, Lent
from handlers.box import HANDLER
from handlers.box.source import BoxSource
from sandbox.app import Sandbox, create_app
from sandbox.server import serve
from services.text import Extracted
from tests.handlers.box.world import SERVICE_ACCOUNT, WORLD
from tests.handlers.contract import NOW


class Connect(Protocol):
    def __call__(self, **settings: Any) -> AbstractAsyncContextManager[BoxSource]: ...


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Extraction:
    """Reads nothing, and tells what it was given."""

    async def extract(self, data: bytes, *, name: str, content_type: str) -> Extracted:
        return Extracted(text=f"{name}, {content_type}: {len(data)} bytes", complete=True)


@pytest.fixture
def sandbox() -> Sandbox:
    return create_app(WORLD)


@pytest.fixture
def origin(sandbox: Sandbox) -> Iterator[str]:
    with serve(sandbox) as origin:
        yield origin


@pytest.fixture
def lent(origin: str, tmp_path: Path) -> Lent:
    return lent_by(f"{origin}/box", tmp_path)


@pytest.fixture
def connect(lent: Lent) -> Connect:
    """Sources of the sandbox's service account, or with other settings."""

    @asynccontextmanager
    async def connected(**settings: Any) -> AsyncIterator[BoxSource]:
        source = connected_to(lent, {**SERVICE_ACCOUNT, **settings})
        try:
            yield source
        finally:
            await source.aclose()

    return connected


def lent_by(box_url: str, folder: Path) -> Lent:
    own = folder / "source"
    own.mkdir()
    return Lent(
        clock=lambda: NOW,
        folder=own,
        databases=DatabaseRules(),
        text=Extraction(),
        endpoints=Endpoints(box=box_url),
    )


def connected_to(lent: Lent, settings: Mapping[str, Any]) -> BoxSource:
    source = HANDLER.connect(HANDLER.config.model_validate(settings), lent)
    assert isinstance(source, BoxSource)
    return source
