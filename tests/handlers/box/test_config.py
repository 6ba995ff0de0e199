"""Settings: what is taken, what is refused, and whom a source shares Box's limits with."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from handlers.box import HANDLER
from handlers.box.config import BoxConfig
from tests.handlers.box.world import AS_ANN, SERVICE_ACCOUNT


def config(**settings: Any) -> BoxConfig:
    return BoxConfig.model_validate({**SERVICE_ACCOUNT, **settings})


@pytest.mark.parametrize("nothing", ["", None, "0", "  "])
def test_no_folder_is_all_of_them(nothing: str | None):
    assert config(folder=nothing).folder is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": ""},
        {"client_id": "abc\r\nX-Injected: yes"},
        {"client_secret": ""},
        {"client_secret": "two words"},
        {"client_secret": "x" * 300},
        {"subject_type": "admin"},
        {"subject_id": ""},
        {"subject_id": "ann@example.com"},
        {"subject_id": "\u0661"},
        {"folder": "1/2"},
        {"folder": "-1"},
        {"folder": "https://app.box.com/folder/1"},
    ],
)
def test_what_cannot_be_right_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        config(**wrong)


def test_the_service_account_is_the_usual_subject():
    settings = {name: value for name, value in SERVICE_ACCOUNT.items() if name != "subject_type"}
    assert BoxConfig.model_validate(settings).subject_type == "enterprise"


def test_a_change_of_folder_keeps_the_secret_and_a_change_of_subject_does_not():
    assert HANDLER.binding_fields() == {"client_id", "subject_type", "subject_id"}
    assert HANDLER.secret_fields() == {"client_secret"}


def test_sources_of_one_account_share_its_limits_whatever_their_folder():
    assert HANDLER.bulkhead(config()) == HANDLER.bulkhead(config(folder="501"))
    assert HANDLER.bulkhead(config()).size >= 1


def test_sources_of_other_accounts_do_not():
    keys = {
        HANDLER.bulkhead(each).key
        for each in (config(), config(client_id="other"), config(subject_id="1"), BoxConfig.model_validate(AS_ANN))
    }
    assert len(keys) == 4


def test_a_user_has_one_limit_whichever_app_acts_as_them():
    ann, by_another_app = BoxConfig.model_validate(AS_ANN), BoxConfig.model_validate({**AS_ANN, "client_id": "other"})
    assert HANDLER.bulkhead(ann) == HANDLER.bulkhead(by_another_app)
