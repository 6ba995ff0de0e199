"""The settings, and what becomes of them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from handlers.outlook import HANDLER
from tests.handlers.outlook.connecting import SETTINGS


@pytest.mark.parametrize(
    "user",
    ["ann@example.com", "o'brien+mail@example.com", "m\u00fcller@example.com", "0f8fad5b-d9cb-469f-a165-70867728950e"],
)
def test_a_mailbox_is_named_by_address_or_object_id(user):
    assert HANDLER.config.model_validate({**SETTINGS, "user": user}).user == user


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user", "ann"),
        ("user", "me"),
        ("user", "ann@example.com/messages"),
        ("user", "ann@example.com?$top=1"),
        ("user", "$ann@example.com"),
        ("user", "a%2Fb@example.com"),
        ("user", "../ann@example.com"),
        ("user", "ann\r\n@example.com"),
        ("user", "ann@example.com\n"),
        ("tenant_id", ""),
        ("tenant_id", "tenant/../common"),
        ("tenant_id", "-x"),
        ("tenant_id", "a?b"),
        ("client_id", "a b"),
        ("client_secret", ""),
        ("client_secret", "x" * 513),
    ],
)
def test_what_cannot_be_right_is_refused(field, value):
    if value.strip() != value:
        value = f"{value}x"  # whitespace around a setting is no mistake
    with pytest.raises(ValidationError):
        HANDLER.config.model_validate({**SETTINGS, field: value})


def test_every_setting_decides_where_or_as_whom_we_connect():
    assert HANDLER.secret_fields() == {"client_secret"}
    assert HANDLER.binding_fields() == {"tenant_id", "client_id", "user"}


def test_mailboxes_of_one_app_share_its_limit():
    def limit(**settings: str):
        return HANDLER.bulkhead(HANDLER.config.model_validate({**SETTINGS, **settings}))

    assert limit() == limit(user="ben.ode@larkfield.example.com")
    assert limit() == limit(client_id=SETTINGS["client_id"].upper())
    assert limit() != limit(tenant_id="another.example.com")
    assert limit() != limit(client_id="another")
    assert limit().size == 4
