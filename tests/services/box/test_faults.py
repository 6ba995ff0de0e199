"""Whatever Box does, a call ends in the right error, in time, and the next one works."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from datetime import timedelta

import pytest

from errors import GatehouseError, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable
from services.box.client import Box
from services.box.hosts import host_policy
from services.egress import Egress, Network
from tests.services.box.stand_in import (
    APP,
    NOW,
    Answer,
    StandIn,
    box_at,
    cut,
    error,
    file_json,
    hang_up,
    in_turn,
    page,
    says,
    silence,
    slowly,
    whole,
)

pytestmark = pytest.mark.anyio

TIMEOUT_S = 0.8
SLACK_S = 0.6
PAGE = b"<!doctype html><title>Sign in</title><p>Your network asks you to sign in before you go on.</p>"
RIGHT = whole(200, page(file_json("1")))


@dataclass(frozen=True)
class Fault:
    answer: Answer
    ends_in: type[GatehouseError]
    requests: int
    """How many searches are sent for one call."""


FAULTS = {
    "401": Fault(error(401, "unauthorized"), SourceUnauthorized, 2),
    "401 without a body": Fault(says(401), SourceUnauthorized, 2),
    "403": Fault(error(403, "access_denied_insufficient_permissions"), SourceUnauthorized, 1),
    "403 for a scope": Fault(error(403, "insufficient_scope"), SourceUnauthorized, 1),
    "404": Fault(error(404, "not_found"), SourceUnavailable, 1),
    "400": Fault(error(400, "bad_request"), SourceUnavailable, 1),
    "429 and no word of when": Fault(error(429, "rate_limit_exceeded"), SourceRateLimited, 1),
    "429 for long": Fault(error(429, "rate_limit_exceeded", retry_after="30"), SourceRateLimited, 1),
    "429 at once": Fault(error(429, "rate_limit_exceeded", retry_after="0"), SourceRateLimited, 2),
    "500": Fault(error(500, "internal_server_error"), SourceUnavailable, 2),
    "503": Fault(error(503, "unavailable"), SourceUnavailable, 2),
    "503 for long": Fault(error(503, "unavailable", retry_after="60"), SourceUnavailable, 1),
    "502 of a proxy": Fault(says(502, PAGE, content_type="text/html"), SourceUnavailable, 2),
    "silence": Fault(silence, SourceTimeout, 1),
    "a head that drips": Fault(slowly(RIGHT, pace_s=0.05), SourceTimeout, 1),
    "a body that drips": Fault(slowly(RIGHT, pace_s=0.05, after=b"\r\n\r\n"), SourceTimeout, 1),
    "a body that is cut": Fault(cut(RIGHT), SourceUnavailable, 1),
    "no answer at all": Fault(hang_up, SourceUnavailable, 2),
    "no HTTP": Fault(slowly(b"SSH-2.0-OpenSSH\r\n\r\n", pace_s=0), SourceUnavailable, 2),
    "a page of HTML": Fault(says(200, PAGE, content_type="text/html"), SourceUnavailable, 1),
    "no JSON": Fault(says(200, PAGE), SourceUnavailable, 1),
    "nothing": Fault(says(200), SourceUnavailable, 1),
    "other JSON": Fault(says(200, [1, 2]), SourceUnavailable, 1),
    "other fields": Fault(says(200, {"entries": 5}), SourceUnavailable, 1),
    "deep JSON": Fault(says(200, b"[" * 100_000), SourceUnavailable, 1),
    "an error that is no object": Fault(says(403, [1, 2]), SourceUnauthorized, 1),
    "an endless error": Fault(says(418, b"x" * 500_000), SourceUnavailable, 1),
    "gzip that is none": Fault(says(200, PAGE, content_encoding="gzip"), SourceUnavailable, 1),
    "a redirect to nowhere we go": Fault(says(302, location="http://192.0.2.1/"), SourceUnavailable, 1),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_fault_ends_in_the_right_error_in_time_and_the_next_call_works(vendor: StandIn, fault: Fault):
    async with box_at(vendor.origin, within=timedelta(seconds=TIMEOUT_S)) as box:
        await box.search("anything", limit=5)
        before = vendor.count("/2.0/search")
        right, vendor.script["/2.0/search"] = vendor.script["/2.0/search"], fault.answer

        started = time.monotonic()
        with pytest.raises(GatehouseError) as raised:
            await box.search("anything", limit=5)

        assert time.monotonic() - started < TIMEOUT_S + SLACK_S
        assert type(raised.value) in {fault.ends_in, *fault.ends_in.__subclasses__()}
        assert isinstance(raised.value, SourceTimeout) == (fault.ends_in is SourceTimeout)
        assert vendor.count("/2.0/search") - before == fault.requests
        vendor.script["/2.0/search"] = right
        assert (await box.search("anything", limit=5)).entries


async def test_a_wait_that_box_names_is_told(vendor: StandIn, box: Box):
    vendor.script["/2.0/search"] = error(429, "rate_limit_exceeded", retry_after="30")
    with pytest.raises(SourceRateLimited) as raised:
        await box.search("anything", limit=5)
    assert raised.value.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize(
    "passing",
    [error(429, "rate_limit_exceeded", retry_after="1"), error(503, "unavailable"), hang_up],
    ids=["429 for a second", "503", "no answer"],
)
async def test_what_passes_is_asked_for_once_more(vendor: StandIn, box: Box, passing: Answer):
    vendor.script["/2.0/search"] = in_turn(passing, says(200, page(file_json("1"))))
    assert (await box.search("anything", limit=5)).entries
    assert vendor.count("/2.0/search") == 2


async def test_a_wait_is_kept(vendor: StandIn, box: Box):
    again = says(200, page(file_json("1")))
    vendor.script["/2.0/search"] = in_turn(error(429, "rate_limit_exceeded", retry_after="1"), again)
    started = time.monotonic()
    await box.search("anything", limit=5)
    assert time.monotonic() - started >= 1


async def test_a_wait_can_be_called_off(vendor: StandIn, box: Box):
    vendor.script["/2.0/search"] = error(429, "rate_limit_exceeded", retry_after="1")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await box.search("anything", limit=5)
    await asyncio.sleep(1.2)
    assert vendor.count("/2.0/search") == 1


async def test_an_outage_is_not_met_with_twice_the_requests(vendor: StandIn, box: Box):
    vendor.script["/2.0/search"] = error(503, "unavailable")
    calls = [box.search("anything", limit=5) for _ in range(100)]
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(end) for end in ends} == {SourceUnavailable}
    assert 100 < vendor.count("/2.0/search") <= 100 + 3 + 20


async def test_a_port_where_nobody_listens(vendor: StandIn):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with box_at(f"http://127.0.0.1:{taken.getsockname()[1]}") as box:
            with pytest.raises(SourceUnavailable, match="cannot be reached"):
                await box.search("anything", limit=5)


async def test_a_name_that_is_not_found():
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    origin = "https://api.box.example.com"
    adapter = Egress(network=Network(resolve=resolve)).requests_adapter(host_policy(origin))
    box = Box(app=APP, adapter=adapter, base_url=origin, clock=lambda: NOW)
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        await box.search("anything", limit=5)
    await box.aclose()


async def test_no_error_repeats_what_was_typed_or_answered(vendor: StandIn, box: Box):
    typed, answered = "canary-typed-71", "canary-answered-72"
    for answer in (error(400, answered), error(403, answered), says(200, {"entries": answered}), cut(RIGHT), hang_up):
        vendor.script["/2.0/search"] = answer
        with pytest.raises(GatehouseError) as raised:
            await box.search(typed, limit=5)
        assert typed not in str(raised.value)
        assert answered not in str(raised.value)
