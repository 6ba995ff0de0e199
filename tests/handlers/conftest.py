"""Shared by the tests of all handlers."""

import pytest

# The contract's assertions stand in no test module, and would fail without saying what they compared.
pytest.register_assert_rewrite("tests.handlers.contract")
