"""Tokens: fetched once however many wait, renewed when they end, shown nowhere; refusals that help."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest
from pydantic import SecretStr

from errors import SourceError, SourceRateLimited, SourceUnauthorized, SourceUnavailable
from services.box.client import Box
from services.box.sign_in import BoxApp
from tests.services.box.stand_in import (
    NOW,
    SECRET,
    TOKEN,
    Answer,
    Asked,
    StandIn,
    Write,
    box_at,
    error,
    in_turn,
    page,
    says,
    token,
)

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self):
        return self.now


def only_for(value: str, vendor: StandIn) -> Answer:
    """Lets one token in."""

    async def answer(asked: Asked, write: Write) -> None:
        good = asked.headers["authorization"] == f"Bearer {value}"
        await (says(200, page()) if good else error(401, "unauthorized"))(asked, write)

    return answer


async def after(seconds: float, answer: Answer, asked: Asked, write: Write) -> None:
    await asyncio.sleep(seconds)
    await answer(asked, write)


async def test_the_form_says_as_whom_the_app_signs_in(vendor: StandIn, box: Box):
    await box.me()
    assert vendor.last("/oauth2/token").form == {
        "grant_type": "client_credentials",
        "client_id": "client",
        "client_secret": SECRET,
        "box_subject_type": "enterprise",
        "box_subject_id": "871234",
    }
    assert "authorization" not in vendor.last("/oauth2/token").headers


async def test_two_hundred_calls_on_an_expired_token_fetch_one(vendor: StandIn):
    clock = Clock()
    async with box_at(vendor.origin, clock=clock) as box:
        await box.search("first", limit=1)
        clock.now += timedelta(hours=2)
        vendor.script["/oauth2/token"] = lambda asked, write: after(0.1, token("second-token"), asked, write)
        vendor.script["/2.0/search"] = only_for("second-token", vendor)
        await asyncio.gather(*(box.search("again", limit=1) for _ in range(200)))
    assert vendor.count("/oauth2/token") == 2
    assert vendor.count("/2.0/search") == 201


async def test_two_hundred_calls_on_a_token_that_box_took_back_fetch_one(vendor: StandIn, box: Box):
    await box.search("first", limit=1)
    vendor.script["/oauth2/token"] = token("second-token")
    vendor.script["/2.0/search"] = only_for("second-token", vendor)
    await asyncio.gather(*(box.search("again", limit=1) for _ in range(200)))
    assert vendor.count("/oauth2/token") == 2
    assert vendor.count("/2.0/search") <= 401


async def test_a_token_is_renewed_before_it_ends(vendor: StandIn):
    clock = Clock()
    async with box_at(vendor.origin, clock=clock) as box:
        await box.search("first", limit=1)
        clock.now += timedelta(minutes=57)
        renewed = asyncio.Event()

        async def renew(asked: Asked, write: Write) -> None:
            await token("second-token")(asked, write)
            renewed.set()

        vendor.script["/oauth2/token"] = renew
        await box.search("second", limit=1)
        assert vendor.last("/2.0/search").headers["authorization"] == f"Bearer {TOKEN}"
        await renewed.wait()
        await asyncio.sleep(0.05)
        await box.search("third", limit=1)
        assert vendor.last("/2.0/search").headers["authorization"] == "Bearer second-token"


async def test_a_token_refused_twice_ends_the_call(vendor: StandIn, box: Box):
    vendor.script["/2.0/search"] = error(401, "unauthorized")
    with pytest.raises(SourceUnauthorized, match="connect the source again"):
        await box.search("anything", limit=1)
    assert vendor.count("/oauth2/token") == 2


REFUSALS = [
    ("invalid_grant", "Grant credentials are invalid", "the client secret is wrong"),
    ("invalid_grant", "Grant credentials are invalid", "not authorized in the Admin Console"),
    ("invalid_grant", "Grant credentials are invalid", "may not act as this subject"),
    ("unauthorized_client", "This app is not authorized by the enterprise admin", "administrator has to authorize it"),
    ("unauthorized_client", "The grant type is unauthorized for this client_id", "Client Credentials Grant"),
    ("invalid_client", "The client credentials are invalid", "Copy both"),
    (
        "invalid_request",
        "Cannot obtain user token based on the enterprise configuration for your app",
        "Generate user access tokens",
    ),
    ("terms_of_service_required", "User must accept custom terms of service", "terms of service"),
    ("something_new", "that nobody has heard of", "Box refused to sign in"),
]


@pytest.mark.parametrize(("code", "description", "words"), REFUSALS)
async def test_a_refusal_says_what_the_owner_can_do(vendor: StandIn, box: Box, code: str, description: str, words: str):
    vendor.script["/oauth2/token"] = says(400, {"error": code, "error_description": description})
    with pytest.raises(SourceUnauthorized, match=words):
        await box.me()
    assert vendor.count("/oauth2/token") == 1
    assert vendor.count("/2.0/users/me") == 0


@pytest.mark.parametrize(
    ("answer", "ends_in"),
    [
        (error(429, "rate_limit_exceeded", retry_after="40"), SourceRateLimited),
        (error(503, "unavailable"), SourceUnavailable),
        (says(200, b"<html>", content_type="text/html"), SourceUnavailable),
        (says(200, {"access_token": "a\r\nX-Injected: yes", "expires_in": 3600}), SourceUnavailable),
        (says(200, {"access_token": TOKEN}), SourceUnavailable),
        (says(400, b"no JSON"), SourceUnavailable),
        (says(307, location="/elsewhere"), SourceUnavailable),
    ],
)
async def test_what_is_no_token_is_no_fault_of_the_owner(
    vendor: StandIn, box: Box, answer: Answer, ends_in: type[SourceError]
):
    vendor.script["/oauth2/token"] = in_turn(answer, answer, token())
    with pytest.raises(SourceError) as raised:
        await box.me()
    assert type(raised.value) is ends_in
    assert vendor.count("/elsewhere") == 0
    vendor.script["/oauth2/token"] = token()
    assert (await box.me()).id == "30001"


async def test_secret_and_token_show_nowhere(vendor: StandIn, caplog: pytest.LogCaptureFixture):
    app = BoxApp(client_id="client", client_secret=SecretStr(SECRET), subject_type="user", subject_id="30010")
    shown = [repr(app), str(app)]
    with caplog.at_level(logging.DEBUG):
        async with box_at(vendor.origin, app=app) as box:
            await box.me()
            vendor.script["/2.0/users/me"] = error(403, "forbidden")
            with pytest.raises(SourceError) as raised:
                await box.me()
            vendor.script["/oauth2/token"] = says(400, {"error": "invalid_grant"})
            vendor.script["/2.0/users/me"] = error(401, "unauthorized")
            with pytest.raises(SourceError) as refused:
                await box.me()
    shown += [caplog.text, repr(raised.value), str(refused.value), repr(box)]
    assert not [text for text in shown if SECRET in text or TOKEN in text]
