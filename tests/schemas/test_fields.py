"""How a validation error is told, and text that can be seen."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.accounts import SignUp, spelled_as_stored
from schemas.fields import explain, without_controls


def test_an_explanation_names_the_fields_and_repeats_nothing():
    with pytest.raises(ValidationError) as caught:
        SignUp(email="e-canary", name="n-canary\x00", password="p-canary")
    told = explain(caught.value)
    assert told.startswith("email: This is not an e-mail address; password: ")
    assert "name: Remove control characters and invisible characters" in told
    assert "canary" not in told


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Ann@EXAMPLE.com", "Ann@example.com"),
        ("ann@xn--bcher-kva.example", "ann@b\u00fccher.example"),
        ("e\u0301@example.com", "\u00e9@example.com"),
        ("ann@intranet", "ann@intranet"),
        ("no address", "no address"),
        ("", ""),
    ],
)
def test_an_address_has_one_spelling(typed: str, stored: str):
    assert spelled_as_stored(typed) == stored


def test_every_run_of_control_characters_becomes_one_space():
    assert without_controls("a\r\n\x00b\tc\x7f") == "a b c "
