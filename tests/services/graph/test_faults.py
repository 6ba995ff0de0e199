"""Every kind of trouble on real sockets: the right error, within the time given, and the next call works."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from errors import GatehouseError, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable
from sandbox.app import create_app
from sandbox.faults import Fault
from sandbox.server import serve
from services.egress import Egress, HostPolicy, Network
from services.graph.entra import EntraSignIn
from services.graph.mailbox import Mailbox
from tests.services.graph.company import ANN, company
from tests.services.graph.wires import APP, utc_now

pytestmark = pytest.mark.anyio

TIMEOUT_S = 0.4
SLACK_S = 0.6

KINDS = {
    "401": SourceUnauthorized,
    "403": SourceUnauthorized,
    "404": SourceUnauthorized,
    "429": SourceRateLimited,
    "429-bare": SourceRateLimited,
    "500": SourceUnavailable,
    "503": SourceUnavailable,
    "hung": SourceTimeout,
    "slow-headers": SourceTimeout,
    "drip": SourceTimeout,
    "cut": SourceUnavailable,
    "wrong-type": SourceUnavailable,
    "not-json": SourceUnavailable,
    "refused": SourceUnavailable,
}


@pytest.fixture
def sandbox():
    return create_app(company())


@pytest.fixture
def origin(sandbox):
    with serve(sandbox) as origin:
        yield origin


@pytest.fixture
async def mailbox(origin):
    async with mailbox_at(f"{origin}/graph", f"{origin}/entra") as mailbox:
        yield mailbox


@pytest.fixture
async def patient_mailbox(origin):
    async with mailbox_at(f"{origin}/graph", f"{origin}/entra", timeout_s=10) as mailbox:
        yield mailbox


@asynccontextmanager
async def mailbox_at(
    graph: str, entra: str, egress: Egress | None = None, timeout_s: float = TIMEOUT_S
) -> AsyncIterator[Mailbox]:
    egress = egress or Egress()
    mailbox = Mailbox(
        user=ANN.address,
        http=egress.httpx_client(HostPolicy(origins=(graph,))),
        base_url=graph,
        sign_in=EntraSignIn(egress.client(HostPolicy(origins=(entra,))), entra, APP),
        clock=utc_now,
        timeout=timedelta(seconds=timeout_s),
    )
    yield mailbox
    await mailbox.aclose()


async def fails(mailbox: Mailbox, kind: type[GatehouseError]) -> None:
    started = time.monotonic()
    with pytest.raises(GatehouseError) as error:
        await mailbox.search("plan", top=10)
    assert type(error.value) is kind
    assert time.monotonic() - started < TIMEOUT_S + SLACK_S


@pytest.mark.parametrize(("trouble", "kind"), KINDS.items())
async def test_trouble_at_graph(sandbox, mailbox, trouble, kind):
    await mailbox.newest(top=1)  # so that loading the SDK is not counted
    sandbox.faults.add(Fault(source="graph", kind=trouble))
    await fails(mailbox, kind)
    sandbox.faults.clear()
    assert len((await mailbox.search("plan", top=10)).messages) == 2


@pytest.mark.parametrize(("trouble", "kind"), KINDS.items())
async def test_trouble_at_entra(sandbox, origin, mailbox, trouble, kind):
    async with mailbox_at(f"{origin}/graph", f"{origin}/entra") as other:
        await other.newest(top=1)
    sandbox.faults.add(Fault(source="entra", kind=trouble, route="token"))
    await fails(mailbox, kind)
    sandbox.faults.clear()
    sandbox.traffic.clear()
    assert len((await mailbox.search("plan", top=10)).messages) == 2
    assert sandbox.traffic.count("graph") == 1


async def test_a_429_says_how_long_to_wait_where_graph_does(sandbox, mailbox):
    sandbox.faults.add(Fault(source="graph", kind="429", retry_after_s=9, times=1))
    with pytest.raises(SourceRateLimited) as error:
        await mailbox.search("plan", top=10)
    assert error.value.retry_after == timedelta(seconds=9)


@pytest.mark.parametrize("trouble", ["429", "500", "503", "cut", "refused"])
async def test_trouble_that_passes_is_not_noticed(sandbox, patient_mailbox, trouble):
    sandbox.faults.add(Fault(source="graph", kind=trouble, times=1))
    assert len((await patient_mailbox.search("plan", top=10)).messages) == 2
    assert sandbox.traffic.count("graph") == 2


@pytest.mark.parametrize(
    "fault", [Fault(source="graph", kind="429", retry_after_s=9), Fault(source="graph", kind="429-bare")]
)
async def test_being_asked_for_fewer_requests_is_not_answered_with_more(sandbox, patient_mailbox, fault):
    sandbox.faults.add(fault)
    with pytest.raises(SourceRateLimited):
        await patient_mailbox.search("plan", top=10)
    assert sandbox.traffic.count("graph") == 1


async def test_an_outage_is_not_made_worse_by_repetitions(sandbox, patient_mailbox):
    sandbox.faults.add(Fault(source="graph", kind="503"))
    calls = 40
    results = await asyncio.gather(
        *(patient_mailbox.search("plan", top=10) for _ in range(calls)), return_exceptions=True
    )
    assert {type(result) for result in results} == {SourceUnavailable}
    assert calls < sandbox.traffic.count("graph") <= 1.2 * calls + 3


async def test_a_caller_that_leaves_takes_its_request_back(sandbox, mailbox):
    await mailbox.newest(top=1)
    sandbox.faults.add(Fault(source="graph", kind="hung"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await mailbox.search("plan", top=10)
    for _ in range(200):
        if sandbox.traffic.aborted("graph"):
            break
        await asyncio.sleep(0.01)
    assert sandbox.traffic.aborted("graph") == 1
    sandbox.faults.clear()
    assert len((await mailbox.search("plan", top=10)).messages) == 2


async def test_a_name_that_does_not_resolve(origin):
    def nothing(host: str, port: int) -> tuple[str, ...]:
        raise OSError("no such name")

    egress = Egress(network=Network(resolve=nothing))
    async with mailbox_at("https://graph.example.com", f"{origin}/entra", egress) as mailbox:
        await fails(mailbox, SourceUnavailable)
    async with mailbox_at(f"{origin}/graph", "https://login.example.com", egress) as mailbox:
        await fails(mailbox, SourceUnavailable)


async def test_a_port_where_nobody_listens(origin):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}"
        async with mailbox_at(f"{dead}/graph", f"{origin}/entra") as mailbox:
            await fails(mailbox, SourceUnavailable)
        async with mailbox_at(f"{origin}/graph", f"{dead}/entra") as mailbox:
            await fails(mailbox, SourceUnavailable)
