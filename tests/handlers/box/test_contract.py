"""What holds for every kind of source, tried on Box as a service account, kept to a folder, and as a user."""

from __future__ import annotations

import pytest

from handlers.base import Lent
from handlers.box import HANDLER
from tests.handlers.box.world import AS_ANN, CONTRACTS, SERVICE_ACCOUNT
from tests.handlers.contract import HandlerContract


class BoxContract(HandlerContract):
    handler = HANDLER

    @pytest.fixture
    def lent(self, lent: Lent) -> Lent:
        return lent


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
