"""Trouble on demand, on real sockets: what a caller meets, and that the next call works."""

from __future__ import annotations

import time

import httpx2
import pytest

from sandbox.app import create_app
from sandbox.faults import KINDS, Fault, Faults, UnknownFault, parse_fault
from sandbox.server import serve
from tests.sandbox.callers import PAT_HEADERS, SERVICE, Caller

pytestmark = pytest.mark.anyio

PACE_S = 0.001
WAIT_S = 0.3


@pytest.fixture
async def far(base_url):
    """A client of the sandbox's socket that waits a little, and no longer."""
    async with httpx2.AsyncClient(base_url=base_url, timeout=WAIT_S) as opened:
        yield opened


async def described(far: httpx2.AsyncClient) -> httpx2.Response:
    return await far.get(SERVICE, headers=PAT_HEADERS)


@pytest.mark.parametrize(
    ("kind", "status", "retry_after"),
    [
        ("401", 401, None),
        ("403", 403, None),
        ("404", 404, None),
        ("429", 429, "7"),
        ("429-bare", 429, None),
        ("500", 500, None),
        ("503", 503, None),
    ],
)
@pytest.mark.parametrize("source", ["graph", "box", "snowflake", "entra"])
async def test_a_status_comes_in_the_vendors_own_shape(caller, sandbox, source, kind, status, retry_after):
    calls = {
        "graph": lambda: caller.graph("/messages"),
        "box": lambda: caller.box("/users/me"),
        "snowflake": lambda: caller.cortex("x"),
        "entra": caller.entra,
    }
    await calls[source]()
    route = "token" if source == "entra" else None
    sandbox.faults.add(Fault(source=source, kind=kind, route=route, retry_after_s=7, times=1))
    spoilt = await calls[source]()
    assert (spoilt.status_code, spoilt.headers.get("retry-after")) == (status, retry_after)
    assert spoilt.headers["content-type"] == "application/json"
    assert (await calls[source]()).status_code == 200


async def test_hung_is_never_answered(far, sandbox):
    sandbox.faults.add(Fault(source="snowflake", kind="hung", times=1))
    with pytest.raises(httpx2.ReadTimeout):
        await described(far)
    assert (await described(far)).status_code == 200


async def test_a_dripping_body_outlives_a_timeout_that_only_looks_at_silence(far, sandbox):
    sandbox.faults.add(Fault(source="snowflake", kind="drip", pace_s=PACE_S, times=1))
    started = time.monotonic()
    assert (await described(far)).json()["name"] == "SUPPORT_SEARCH"
    assert time.monotonic() - started > WAIT_S


async def test_a_slow_head_comes_line_by_line(far, sandbox):
    sandbox.faults.add(Fault(source="snowflake", kind="slow-headers", pace_s=0.1, times=1))
    started = time.monotonic()
    assert (await described(far)).json()["name"] == "SUPPORT_SEARCH"
    assert time.monotonic() - started > WAIT_S
    assert (await described(far)).status_code == 200


async def test_a_cut_body_is_noticed(far, sandbox):
    sandbox.faults.add(Fault(source="snowflake", kind="cut", times=1))
    with pytest.raises(httpx2.RemoteProtocolError, match="without sending complete message body"):
        await described(far)
    assert (await described(far)).status_code == 200


async def test_a_refused_connection_is_reset(far, sandbox):
    sandbox.faults.add(Fault(source="snowflake", kind="refused", times=1))
    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
        await described(far)
    assert (await described(far)).status_code == 200


@pytest.mark.parametrize(
    ("kind", "said"), [("wrong-type", "text/html; charset=utf-8"), ("not-json", "application/json")]
)
async def test_a_page_instead_of_an_answer(far, sandbox, kind, said):
    sandbox.faults.add(Fault(source="snowflake", kind=kind, times=1))
    page = await described(far)
    assert (page.status_code, page.headers["content-type"]) == (200, said)
    assert page.text.startswith("<!doctype html>")


async def test_the_other_sources_serve_on(far, sandbox):
    sandbox.faults.add(Fault(source="snowflake", kind="hung"))
    assert (await Caller(far).box("/users/me")).status_code == 200
    assert (await Caller(far).entra()).status_code == 200


async def test_a_fault_may_be_for_one_route(caller, sandbox):
    sandbox.faults.add(Fault(source="box", kind="503", route="search"))
    assert (await caller.box("/search", query="x")).status_code == 503
    assert (await caller.box("/users/me")).status_code == 200
    sandbox.faults.clear("box")
    assert (await caller.box("/search", query="x")).status_code == 200


async def test_a_refusal_of_the_caller_leaves_the_token_endpoint_alone(caller, sandbox):
    sandbox.faults.add(Fault(source="box", kind="401"))
    assert (await caller.box_token()).status_code == 200
    assert (await caller.box("/users/me")).status_code == 401
    sandbox.faults.add(Fault(source="box", kind="503"))
    assert (await caller.box_token()).status_code == 503


async def test_in_process_a_connection_breaks_as_an_error_of_connections(caller, sandbox):
    for kind in ("refused", "cut"):
        sandbox.faults.add(Fault(source="snowflake", kind=kind, times=1))
        with pytest.raises(ConnectionResetError):
            await caller.cortex("x")


async def test_who_leaves_is_counted_and_what_was_broken_here_is_not(far, sandbox):
    for kind in ("cut", "refused", "hung"):
        sandbox.faults.add(Fault(source="snowflake", kind=kind, times=1))
        with pytest.raises(httpx2.TransportError):
            await described(far)
    await described(far)
    assert sandbox.traffic.aborted("snowflake") == 1


def test_the_fault_added_last_counts_and_each_as_often_as_it_was_ordered():
    faults = Faults((Fault(source="box", kind="500"),))
    faults.add(Fault(source="box", kind="503", times=2))
    kinds = [fault.kind for fault in (faults.take("box", "search") for _ in range(3)) if fault]
    assert kinds == ["503", "503", "500"]
    assert faults.take("graph", "messages") is None
    faults.clear()
    assert faults.held() == ()


def test_faults_are_read_from_a_flag():
    assert parse_fault("outlook=hung") == Fault(source="graph", kind="hung")
    assert parse_fault("box/search=429") == Fault(source="box", kind="429", route="search")
    for text in ("box=unheard-of", "fax=500", "box"):
        with pytest.raises(UnknownFault):
            parse_fault(text)


async def test_every_kind_can_be_ordered_from_the_start(world):
    for kind in KINDS:
        assert create_app(world, faults=[Fault(source="box", kind=kind)]).faults.held()[0].kind == kind


async def test_a_server_with_a_hung_request_still_stops(world):
    sandbox = create_app(world, faults=[Fault(source="snowflake", kind="hung")])
    with serve(sandbox) as base_url:
        async with httpx2.AsyncClient(base_url=base_url, timeout=0.1) as client:
            with pytest.raises(httpx2.ReadTimeout):
                await client.get(SERVICE, headers=PAT_HEADERS)
        started = time.monotonic()
    assert time.monotonic() - started < 2
