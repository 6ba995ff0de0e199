"""What holds for every kind of source, tried on a mailbox over real sockets."""

from __future__ import annotations

import pytest

from handlers.outlook import HANDLER
from sandbox.server import serve
from tests.handlers.contract import HandlerContract
from tests.handlers.outlook.connecting import SETTINGS, lent_at
from tests.services.graph.company import company


@pytest.fixture(scope="module")
def origin():
    with serve(company()) as origin:
        yield origin


class TestOutlook(HandlerContract):
    handler = HANDLER
    finds = "quarterly plan"

    @pytest.fixture
    def settings(self):
        return SETTINGS

    @pytest.fixture
    def lent(self, origin, tmp_path):
        return lent_at(origin, tmp_path)
