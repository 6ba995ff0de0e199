"""The token endpoint, and who sees what with its tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.behaviour import Behaviour
from sandbox.credentials import DEMO

pytestmark = pytest.mark.anyio


async def test_the_service_account_gets_a_token(caller):
    answer = await caller.box_token()
    assert answer.json() | {"access_token": ""} == {
        "access_token": "",
        "expires_in": 3599,
        "token_type": "bearer",
        "restricted_to": [],
    }
    assert (await caller.box("/users/me")).json()["id"] == DEMO.box.service_account


async def test_the_app_may_act_as_a_user(caller):
    user = await caller.as_box_user()
    assert (await user.box("/users/me")).json()["login"] == "ann.meyer@larkfield.example.com"


@pytest.mark.parametrize(
    "changed",
    [
        {"client_secret": "wrong"},
        {"client_id": "wrong"},
        {"box_subject_id": "999"},
        {"box_subject_type": "user", "box_subject_id": "30011"},
        {"box_subject_type": "", "box_subject_id": ""},
    ],
)
async def test_whatever_is_wrong_is_one_error(caller, changed):
    answer = await caller.box_token(**changed)
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "Grant credentials are invalid"}


async def test_other_grants_are_not_ours(caller):
    assert (await caller.box_token(grant_type="refresh_token")).json()["error"] == "unsupported_grant_type"


async def test_a_revoked_secret_and_its_tokens(caller, sandbox):
    await caller.box("/users/me")
    sandbox.secrets.revoke("box")
    assert (await caller.box("/users/me")).status_code == 401
    assert (await caller.box_token()).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("behaviour", [Behaviour(token_lifetime=timedelta(seconds=90))])
async def test_a_token_expires(caller, clock):
    assert (await caller.box("/users/me")).status_code == 200
    clock.pass_(90)
    expired = await caller.box("/users/me")
    assert (expired.status_code, expired.json()["code"]) == (401, "unauthorized")
    assert 'error="invalid_token"' in expired.headers["www-authenticate"]


async def test_acting_as_somebody_by_header_takes_rights_that_the_app_does_not_have(caller):
    answer = await caller.box("/users/me", headers={"as-user": "30010"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_the_service_account_sees_only_what_is_shared_with_it(caller):
    user = await caller.as_box_user()
    assert (await user.box("/files/200901")).json()["name"] == "Parental leave policy.docx"
    hidden = await caller.box("/files/200901")
    assert (hidden.status_code, hidden.json()["code"]) == (404, "not_found")
    assert hidden.json()["context_info"]["errors"][0]["reason"] == "invalid_parameter"
    assert "Parental leave policy.docx" in await user.search_files("parental leave")
    assert "Parental leave policy.docx" not in await caller.search_files("parental leave")
    assert (await caller.box("/folders/1010")).status_code == 404
