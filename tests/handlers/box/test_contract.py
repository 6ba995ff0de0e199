"""What holds for every kind of source, tried on Box as a service account, kept to a folder, and as a user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.base import Lent
from handlers.box import HANDLER
from sandbox.app import create_app
from sandbox.server import serve
from tests.handlers.box.conftest import lent_by
from tests.handlers.box.world import AS_ANN, CONTRACTS, SERVICE_ACCOUNT, WORLD
from tests.handlers.contract import HandlerContract


@pytest.fixture(scope="module")
def shared_origin() -> Iterator[str]:
    """One stand-in for all of these, which change nothing in it; together they search more often than Box allows."""
    with serve(create_app(WORLD, quotas=False)) as origin:
        yield origin


class BoxContract(HandlerContract):
    handler = HANDLER

    @pytest.fixture
    def lent(self, shared_origin: str, tmp_path: Path) -> Lent:
        return lent_by(f"{shared_origin}/box", tmp_path)


class TestServiceAccount(BoxContract):
    finds = "quarterly"

    @pytest.fixture
    def settings(self):
        return SERVICE_ACCOUNT


class TestOneFolder(BoxContract):
    finds = "agreement lease"

    @pytest.fixture
    def settings(self):
        return {**SERVICE_ACCOUNT, "folder": CONTRACTS}


class TestOneUser(BoxContract):
    finds = "agreement notes"

    @pytest.fixture
    def settings(self):
        return AS_ANN
