"""One exchange with an account: what is sent, what comes of every kind of trouble, and how often it is tried."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import httpx2
import pytest
from pydantic import SecretStr
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from errors import SourceError, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable
from services.snowflake import refusals
from services.snowflake.account import LARGEST_REPLY_BYTES, Account, Reply, Request
from services.snowflake.refusals import NotGranted, StatementRejected
from tests.services.snowflake.stand_in import PAT, URL, Pauses, StandIn, account_for, refused

pytestmark = pytest.mark.anyio

ASK = Request(method="POST", path="/api/v2/thing", body={"a": 1})
FINE = JSONResponse({"name": "ok"})


class Named(Reply):
    name: str


async def test_the_token_goes_in_the_headers_that_snowflake_wants():
    stand_in = StandIn(FINE)
    await account_for(stand_in).send(ASK)
    headers = stand_in.asked[0].headers
    assert headers["authorization"] == f"Bearer {PAT}"
    assert headers["x-snowflake-authorization-token-type"] == "PROGRAMMATIC_ACCESS_TOKEN"
    assert headers["accept"] == headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("gatehouse/")


@pytest.mark.parametrize(
    ("status", "code", "kind", "message"),
    [
        (401, "390303", SourceUnauthorized, refusals.NOT_LET_IN),
        (401, "390318", SourceUnauthorized, refusals.NOT_LET_IN),
        (401, "394400", SourceUnauthorized, refusals.NOT_LET_IN),
        (400, "390144", SourceUnauthorized, refusals.NOT_LET_IN),
        (401, "", SourceUnauthorized, refusals.NOT_LET_IN),
        (401, "390422", SourceUnauthorized, refusals.NETWORK),
        (403, "390422", SourceUnauthorized, refusals.NETWORK),
        (401, "390432", SourceUnauthorized, refusals.NO_NETWORK_POLICY),
        (401, "390186", SourceUnauthorized, refusals.ROLE),
        (403, "390317", SourceUnauthorized, refusals.ROLE),
        (403, "", SourceUnauthorized, refusals.FORBIDDEN),
        (422, "390201", NotGranted, refusals.CONTEXT),
        (422, "002003", NotGranted, refusals.OBJECT),
        (422, "002043", NotGranted, refusals.OBJECT),
        (422, "000904", NotGranted, refusals.COLUMN),
        (422, "003001", NotGranted, refusals.PRIVILEGES),
        (422, "000606", NotGranted, refusals.WAREHOUSE),
        (422, "000608", NotGranted, refusals.WAREHOUSE),
        (422, "000666", SourceUnauthorized, refusals.SUSPENDED),
        (422, "090073", SourceUnavailable, refusals.QUOTA),
        (422, "000630", SourceTimeout, refusals.TOO_SLOW),
        (408, "000604", SourceTimeout, refusals.TOO_SLOW),
        (408, "", SourceTimeout, refusals.TOO_SLOW),
        (422, "001003", StatementRejected, refusals.REJECTED),
        (400, "390142", StatementRejected, refusals.REJECTED),
        (404, "", NotGranted, refusals.NOT_FOUND),
        (429, "390505", SourceRateLimited, refusals.RATE_LIMITED),
        (500, "", SourceUnavailable, refusals.BROKEN),
        (502, "", SourceUnavailable, refusals.BROKEN),
        (503, "", SourceUnavailable, refusals.BROKEN),
        (504, "", SourceUnavailable, refusals.BROKEN),
    ],
)
async def test_a_refusal_says_what_its_owner_can_do(status, code, kind, message):
    with pytest.raises(SourceError) as raised:
        await account_for(StandIn(refused(status, code))).send(ASK)
    assert type(raised.value) is kind
    assert raised.value.message == message


async def test_the_code_may_stand_under_its_older_name():
    answer = JSONResponse({"message": "x", "error_code": "390422"}, 401)
    with pytest.raises(SourceUnauthorized) as raised:
        await account_for(StandIn(answer)).send(ASK)
    assert raised.value.message == refusals.NETWORK


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (HTMLResponse("<title>Not found</title>", 404), SourceUnauthorized, refusals.NO_ACCOUNT),
        (HTMLResponse("<title>Forbidden</title>", 403), SourceUnauthorized, refusals.FORBIDDEN),
        (HTMLResponse("<title>Sign in</title>", 200), SourceUnavailable, refusals.STRANGE),
        (HTMLResponse("<title>Sign in</title>", 503), SourceUnavailable, refusals.BROKEN),
        (HTMLResponse("bad", 400), SourceUnavailable, refusals.STRANGE),
        (Response(status_code=302, headers={"Location": "https://example.com/"}), SourceUnavailable, refusals.STRANGE),
        (PlainTextResponse('{"name": "ok"}'), SourceUnavailable, refusals.STRANGE),
        (Response("<title>Sign in</title>", media_type="application/json"), SourceUnavailable, refusals.STRANGE),
        (JSONResponse({"other": 1}), SourceUnavailable, refusals.STRANGE),
        (JSONResponse([1]), SourceUnavailable, refusals.STRANGE),
        (Response('{"code": 12', 422, media_type="application/json"), StatementRejected, refusals.REJECTED),
    ],
)
async def test_what_is_no_answer_of_snowflakes_is_told_from_one(answer, kind, message):
    with pytest.raises(SourceError) as raised:
        (await account_for(StandIn(answer)).send(ASK)).read(Named)
    assert type(raised.value) is kind
    assert raised.value.message == message


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_what_was_not_processed_is_tried_once_more(status):
    stand_in = StandIn(refused(status), FINE)
    assert (await account_for(stand_in).send(ASK)).read(Named).name == "ok"
    assert len(stand_in) == 2


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_it_is_tried_twice_at_most(status):
    stand_in = StandIn(refused(status))
    with pytest.raises(SourceError):
        await account_for(stand_in).send(ASK)
    assert len(stand_in) == 2


async def test_an_outage_is_not_answered_with_a_storm():
    stand_in = StandIn(refused(503))
    account = account_for(stand_in)
    for _ in range(100):
        with pytest.raises(SourceUnavailable):
            await account.send(ASK)
    assert len(stand_in) <= 123


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 422, 500])
async def test_what_will_not_change_is_tried_once(status):
    stand_in = StandIn(refused(status))
    with pytest.raises(SourceError):
        await account_for(stand_in).send(ASK)
    assert len(stand_in) == 1


async def test_without_a_word_from_snowflake_the_pause_is_jittered():
    pauses = Pauses()
    account = Account(
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=StandIn(refused(429), FINE))),
        URL,
        SecretStr(PAT),
        sleep=pauses,
        jitter=lambda least, most: (least + most) / 2,
    )
    await account.send(ASK)
    assert pauses.taken == [0.5]


async def test_a_short_retry_after_is_kept():
    pauses = Pauses()
    stand_in = StandIn(refused(429, Retry_After="2"), FINE)
    await account_for(stand_in, pauses).send(ASK)
    assert pauses.taken == [2.0]


async def test_a_long_retry_after_is_passed_on_instead_of_waited_for():
    pauses = Pauses()
    stand_in = StandIn(refused(429, Retry_After="30"))
    with pytest.raises(SourceRateLimited) as raised:
        await account_for(stand_in, pauses).send(ASK)
    assert raised.value.retry_after == timedelta(seconds=30)
    assert len(stand_in) == 1
    assert pauses.taken == []


@pytest.mark.parametrize("strange", ["-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "", "1.5"])
async def test_a_retry_after_that_is_no_number_of_seconds_counts_as_none(strange):
    with pytest.raises(SourceRateLimited) as raised:
        await account_for(StandIn(refused(429, Retry_After=strange))).send(ASK)
    assert raised.value.retry_after is None


async def test_a_request_that_takes_too_long_is_given_up():
    async def never(asked):
        await asyncio.sleep(60)
        return FINE

    hasty = Request(method="GET", path="/x", timeout=timedelta(milliseconds=50))
    with pytest.raises(SourceTimeout) as raised:
        await account_for(StandIn(never)).send(hasty)
    assert raised.value.message == "Snowflake did not answer within 0.05 s."


async def test_a_reply_without_end_is_not_read_to_its_end():
    piece = b" " * 1_048_576
    sent = 0

    async def endless(scope, receive, send):
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        for _ in range(LARGEST_REPLY_BYTES // len(piece) + 2):
            sent += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    with pytest.raises(SourceUnavailable) as raised:
        await account_for(endless).send(ASK)
    assert "larger" in raised.value.message


class Broken(httpx2.AsyncBaseTransport):
    """A transport that fails in one way, so many times, and then answers."""

    def __init__(self, failure: Exception, times: int) -> None:
        self.failure = failure
        self.times = times
        self.seen = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.seen += 1
        if self.seen <= self.times:
            raise self.failure
        return httpx2.Response(200, json={"name": "ok"})


def broken_account(transport: Broken) -> Account:
    http = httpx2.AsyncClient(transport=transport)
    return Account(http, URL, SecretStr(PAT), sleep=Pauses(), jitter=min)


@pytest.mark.parametrize(
    "failure",
    [
        httpx2.ConnectError("refused"),
        httpx2.ReadError("reset"),
        httpx2.RemoteProtocolError("peer closed connection without sending complete message body"),
        httpx2.DecodingError("not gzip"),
    ],
)
async def test_a_broken_connection_is_tried_once_more(failure):
    transport = Broken(failure, 1)
    assert (await broken_account(transport).send(ASK)).read(Named).name == "ok"
    transport = Broken(failure, 2)
    with pytest.raises(SourceUnavailable) as raised:
        await broken_account(transport).send(ASK)
    assert transport.seen == 2
    assert raised.value.__cause__ is failure


async def test_a_connection_that_is_too_slow_is_not_tried_again():
    transport = Broken(httpx2.ReadTimeout("slow"), 9)
    with pytest.raises(SourceTimeout):
        await broken_account(transport).send(ASK)
    assert transport.seen == 1


async def test_what_must_not_be_done_twice_is_not_sent_again_once_it_may_have_arrived():
    once = Request(method="POST", path="/x", is_repeatable=False)
    lost = Broken(httpx2.ReadError("reset"), 9)
    with pytest.raises(SourceUnavailable):
        await broken_account(lost).send(once)
    assert lost.seen == 1
    never_arrived = Broken(httpx2.ConnectError("refused"), 1)
    await broken_account(never_arrived).send(once)
    assert never_arrived.seen == 2


async def test_neither_the_token_nor_the_vendors_words_show_anywhere(caplog):
    caplog.set_level(logging.DEBUG)
    account = account_for(StandIn(refused(401, "390303")))
    with pytest.raises(SourceError) as raised:
        await account.send(ASK)
    shown = [
        str(raised.value),
        repr(raised.value),
        raised.value.message,
        caplog.text,
        repr(account),
        str(vars(account)),
    ]
    assert not [text for text in shown if PAT in text or "vendor-words-canary" in text]
