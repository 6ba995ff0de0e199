"""The token endpoint: who gets a token, and which AADSTS error everybody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.behaviour import Behaviour
from sandbox.credentials import DEMO
from tests.sandbox.callers import aadsts

pytestmark = pytest.mark.anyio


async def test_the_right_secret_brings_a_token_that_graph_takes(caller):
    answer = await caller.entra()
    assert answer.status_code == 200
    assert answer.json() | {"access_token": ""} == {
        "token_type": "Bearer",
        "expires_in": 3599,
        "ext_expires_in": 3599,
        "access_token": "",
    }
    assert (await caller.graph("/messages", top="1")).status_code == 200


async def test_a_tenant_may_be_named_by_its_domain(caller):
    assert (await caller.entra(tenant=DEMO.entra.tenant_domain)).status_code == 200


@pytest.mark.parametrize(
    ("changed", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", "7000215"),
        ({"client_secret": ""}, 401, "invalid_client", "7000218"),
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, 400, "unauthorized_client", "700016"),
        ({"client_id": ""}, 400, "invalid_request", "900144"),
        ({"scope": "Mail.Read"}, 400, "invalid_scope", "1002012"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "70003"),
        ({"tenant": "00000000-0000-0000-0000-000000000000"}, 400, "invalid_request", "90002"),
        ({"tenant": "nonsense"}, 400, "invalid_request", "900023"),
    ],
)
async def test_what_is_wrong_has_its_own_error(caller, changed, status, error, number):
    answer = await caller.entra(**changed)
    assert (answer.status_code, answer.json()["error"], aadsts(answer)) == (status, error, number)


async def test_a_revoked_secret_is_a_wrong_one_and_its_tokens_are_dead(caller, sandbox):
    await caller.graph("/messages", top="1")
    sandbox.secrets.revoke("entra")
    assert aadsts(await caller.entra()) == "7000215"
    assert (await caller.graph("/messages", top="1")).status_code == 401
    sandbox.secrets.restore("entra")
    assert (await caller.entra()).status_code == 200


@pytest.mark.parametrize("behaviour", [Behaviour(token_lifetime=timedelta(seconds=60))])
async def test_a_token_lives_as_long_as_it_says(caller, clock):
    assert (await caller.entra()).json()["expires_in"] == 60
    clock.pass_(59)
    assert (await caller.graph("/messages", top="1")).status_code == 200
    clock.pass_(61)
    expired = await caller.graph("/messages", top="1")
    assert (expired.status_code, expired.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


async def test_token_requests_are_counted(caller, sandbox):
    await caller.entra()
    await caller.entra(client_secret="wrong")
    assert sandbox.traffic.count("entra", "token") == 2
