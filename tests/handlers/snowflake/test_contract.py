"""What holds for every source, held for both kinds of this one."""

from __future__ import annotations

import pytest

from handlers.base import Lent
from handlers.snowflake import HANDLER
from tests.handlers.contract import HandlerContract
from tests.handlers.snowflake.example import SERVICE_SETTINGS, TABLE_SETTINGS, Account, lent_by

ANALYST = {"semantic_model_file": "@DOCS.PUBLIC.MODELS/sales.yaml", "warehouse": "reading"}


class OnAnExampleAccount(HandlerContract):
    handler = HANDLER
    other_settings = ({**SERVICE_SETTINGS, **ANALYST}, {**TABLE_SETTINGS, **ANALYST})

    @pytest.fixture
    def lent(self, tmp_path) -> Lent:
        folder = tmp_path / "source"
        folder.mkdir()
        return lent_by(Account(), folder)


class TestSearchService(OnAnExampleAccount):
    finds = "refund receipt"

    @pytest.fixture
    def settings(self):
        return {**SERVICE_SETTINGS, "search_service": "handbook"}


class TestTable(OnAnExampleAccount):
    finds = "refund receipt"

    @pytest.fixture
    def settings(self):
        return TABLE_SETTINGS
