"""Whose documents the authorization server believes: a setting."""

from __future__ import annotations

import pytest

from config import load_settings
from tests.config.conftest import problem


def test_unless_told_otherwise_any_agent_may_name_itself_by_a_document():
    assert load_settings().oauth_client_documents == "any"


@pytest.mark.parametrize("value", ["any", "wellknown", "off"])
def test_the_operator_may_choose(value: str, environment):
    environment(OAUTH_CLIENT_DOCUMENTS=value)
    assert load_settings().oauth_client_documents == value


def test_anything_else_is_explained(environment):
    environment(OAUTH_CLIENT_DOCUMENTS="some")
    assert problem().startswith("OAUTH_CLIENT_DOCUMENTS: ")
    assert "wellknown" in problem()
