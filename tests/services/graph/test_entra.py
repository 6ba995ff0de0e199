"""Signing in as an app, and what the owner is told when that fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import httpx2
import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from errors import SourceError, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable
from sandbox.app import create_app
from services.graph.entra import EntraSignIn
from tests.services.graph.company import company
from tests.services.graph.wires import APP, ORIGIN, Answer, ScriptedGraph

pytestmark = pytest.mark.anyio


def sign_in_at(answer: Answer) -> EntraSignIn:
    scripted = ScriptedGraph(answer=answer, token=answer)
    return EntraSignIn(httpx2.AsyncClient(transport=httpx2.ASGITransport(scripted)), ORIGIN, APP)


def refused(*codes: int, status: int = 401, error: str = "invalid_client") -> Answer:
    body = {"error": error, "error_description": f"AADSTS{codes[0]}: in their words", "error_codes": list(codes)}
    return lambda _request: JSONResponse(body, status)


async def test_a_token_comes_with_its_lifetime():
    async def granted(request: Request) -> Response:
        assert request.url.path == f"/{APP.tenant_id}/oauth2/v2.0/token"
        assert parse_qs((await request.body()).decode()) == {
            "client_id": [APP.client_id],
            "client_secret": [APP.client_secret.get_secret_value()],
            "grant_type": ["client_credentials"],
            "scope": ["https://graph.microsoft.com/.default"],
        }
        return JSONResponse({"token_type": "Bearer", "expires_in": 3599, "access_token": "eyJ0"})

    token = await sign_in_at(granted)()
    assert (token.value, token.lifetime) == ("eyJ0", timedelta(seconds=3599))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (7000215, "Value, not its Secret ID"),
        (7000222, "expired"),
        (700016, "no app with this client ID"),
        (90002, "does not know this tenant"),
        (900023, "does not know this tenant"),
        (7000229, "grant consent"),
        (7000112, "disabled"),
        (53003, "Conditional Access"),
        (500011, "switched off"),
    ],
)
async def test_a_refusal_says_what_the_owner_can_do(code, told):
    with pytest.raises(SourceUnauthorized) as error:
        await sign_in_at(refused(code))()
    assert told in error.value.message
    assert "in their words" not in error.value.message


async def test_a_refusal_nobody_foresaw_names_its_code_and_nothing_else():
    with pytest.raises(SourceUnauthorized, match="AADSTS7654321") as error:
        await sign_in_at(refused(7654321))()
    assert "in their words" not in error.value.message


async def test_the_code_is_found_in_the_description_where_it_is_not_listed():
    body = {"error": "invalid_client", "error_description": "AADSTS7000222: The provided client secret keys ..."}
    with pytest.raises(SourceUnauthorized, match="expired"):
        await sign_in_at(lambda _request: JSONResponse(body, 401))()


async def test_a_transient_refusal_does_not_ask_for_a_new_connection():
    with pytest.raises(SourceUnavailable, match="for the moment"):
        await sign_in_at(refused(90033, status=400, error="temporarily_unavailable"))()


async def test_being_throttled_says_how_long_to_wait():
    answer = JSONResponse({"error": "throttled"}, 429, {"Retry-After": "17"})
    with pytest.raises(SourceRateLimited) as error:
        await sign_in_at(lambda _request: answer)()
    assert error.value.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("<html>Bad gateway</html>", 502),
        PlainTextResponse("<html>Forbidden</html>", 403),
        PlainTextResponse("<html>Welcome</html>"),
        JSONResponse({"token_type": "Bearer"}),
        JSONResponse({"access_token": "", "expires_in": 3599}),
        JSONResponse({"access_token": "a\r\nX-Injected: yes", "expires_in": 3599}),
        JSONResponse({"access_token": "abc", "expires_in": 0}),
        JSONResponse(["access_token"]),
        PlainTextResponse("x" * 1_000_000),
        PlainTextResponse("[" * 100_000, 400),
    ],
)
async def test_an_answer_that_is_no_token_is_an_outage(answer):
    with pytest.raises(SourceUnavailable):
        await sign_in_at(lambda _request: answer)()


class _Dead(httpx2.AsyncBaseTransport):
    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        raise self._failure


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx2.ConnectError("refused"), SourceUnavailable),
        (httpx2.ConnectTimeout("slow"), SourceTimeout),
        (httpx2.ReadTimeout("slow"), SourceTimeout),
        (httpx2.RemoteProtocolError("cut"), SourceUnavailable),
        (httpx2.DecodingError("not gzip"), SourceUnavailable),
    ],
)
async def test_a_connection_that_fails_is_an_outage(failure, kind):
    sign_in = EntraSignIn(httpx2.AsyncClient(transport=_Dead(failure)), ORIGIN, APP)
    with pytest.raises(SourceError) as error:
        await sign_in()
    assert type(error.value) is kind
    await sign_in.aclose()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"client_secret": SecretStr("not-it")}, "Value, not its Secret ID"),
        ({"client_id": "11111111-2222-3333-4444-555555555555"}, "no app with this client ID"),
        ({"tenant_id": "11111111-2222-3333-4444-555555555555"}, "does not know this tenant"),
    ],
)
async def test_the_stand_in_refuses_as_entra_does(wrong, told):
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(create_app(company())))
    with pytest.raises(SourceUnauthorized, match=told):
        await EntraSignIn(http, f"{ORIGIN}/entra", replace(APP, **wrong))()
