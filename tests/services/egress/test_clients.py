"""What the three kinds of client have in common beside where they may go."""

from __future__ import annotations

import socket
import time

import anyio
import anyio.to_thread
import httpx
import httpx2
import pytest
import requests

from services.egress import Egress, HostPolicy, Network
from tests.services.egress.clients import Ask, session_of, through_httpx, through_httpx2
from tests.services.egress.network import PUBLIC, FakeNetwork, Listener

pytestmark = pytest.mark.anyio

UNREACHABLE = (httpx2.ConnectError, httpx.ConnectError, requests.ConnectionError)


@pytest.fixture
def local(canary: Listener) -> HostPolicy:
    return HostPolicy(origins=(f"http://127.0.0.1:{canary.port}",))


async def test_proxies_of_the_environment_are_not_taken(
    ask: Ask, canary: Listener, local: HostPolicy, monkeypatch: pytest.MonkeyPatch
):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)

    reply = await ask(Egress(), local, f"{local.origins[0]}/direct", {})

    assert reply.status == 200
    assert canary.requests[0].startswith("GET /direct ")


@pytest.mark.parametrize("ask", [through_httpx2, through_httpx], ids=["httpx2", "httpx"])
async def test_credentials_of_netrc_are_not_taken(
    ask: Ask, canary: Listener, local: HostPolicy, monkeypatch: pytest.MonkeyPatch, tmp_path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))

    await ask(Egress(), local, local.origins[0], {"Authorization": "Bearer ours"})

    assert "Bearer ours" in canary.requests[0]


async def test_a_name_that_does_not_exist_is_a_connection_error(ask: Ask, canary: Listener):
    fake = FakeNetwork(canary, {})

    with pytest.raises(UNREACHABLE):
        await ask(Egress(network=fake.network()), HostPolicy(anywhere=True), "https://nowhere.example.org/", {})


async def test_a_connection_error_tells_no_address(ask: Ask, canary: Listener):
    fake = FakeNetwork(canary, {"www.example.org": [PUBLIC]})
    fake.dead.add(PUBLIC)

    with pytest.raises(UNREACHABLE) as error:
        await ask(Egress(network=fake.network()), HostPolicy(anywhere=True), "https://www.example.org/", {})

    assert PUBLIC not in str(error.value)


async def test_a_slow_name_server_is_given_up_after_the_connect_timeout(canary: Listener):
    def resolve_slowly(host: str, port: int) -> list[str]:
        time.sleep(0.5)
        return [PUBLIC]

    egress = Egress(network=Network(resolve=resolve_slowly))
    async with egress.client(HostPolicy(anywhere=True)) as client:
        started = time.monotonic()
        with pytest.raises(httpx2.ConnectTimeout):
            await client.get("https://www.example.org/", timeout=0.05)

    assert time.monotonic() - started < 0.4


async def test_a_slow_name_server_does_not_hold_up_the_event_loop():
    def resolve_slowly(host: str, port: int) -> list[str]:
        time.sleep(0.2)
        return ["127.0.0.1"]

    ticks = 0
    egress = Egress(network=Network(resolve=resolve_slowly))

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.01)
            ticks += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        with pytest.raises(Exception, match="private"):
            await egress.pin("db.example.org", 5432)
        tasks.cancel_scope.cancel()

    assert ticks > 5


async def test_every_kind_gives_up_on_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.egress.egress._READ_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        policy = HostPolicy(origins=(f"http://127.0.0.1:{silent.getsockname()[1]}",))
        egress = Egress()

        async with egress.client(policy) as client:
            with pytest.raises(httpx2.ReadTimeout):
                await client.get(policy.origins[0])
        async with egress.httpx_client(policy) as classic:
            with pytest.raises(httpx.ReadTimeout):
                await classic.get(policy.origins[0])
        with session_of(egress, policy) as session, pytest.raises(requests.ReadTimeout):
            await anyio.to_thread.run_sync(session.get, policy.origins[0])


async def test_certificates_are_checked_even_if_a_session_says_otherwise(internet: Listener):
    fake = FakeNetwork(internet, {"www.example.org": [PUBLIC]})
    with session_of(Egress(network=fake.network()), HostPolicy(anywhere=True)) as session:
        session.verify = False

        with pytest.raises(requests.exceptions.SSLError):
            await anyio.to_thread.run_sync(session.get, "https://www.example.org/")

    assert internet.requests == []


async def test_classic_httpx_streams_bodies_both_ways(canary: Listener, local: HostPolicy):
    canary.replies["/echo"] = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-A: 1\r\nConnection: close\r\n\r\nhello"

    async def parts():
        yield b"a"
        yield b"b"

    async with Egress().httpx_client(local) as client, client.stream("POST", f"{local.origins[0]}/echo") as response:
        body = b"".join([part async for part in response.aiter_bytes()])
    async with Egress().httpx_client(local) as client:
        chunked = await client.post(f"{local.origins[0]}/echo", content=parts())

    assert (response.status_code, response.headers["x-a"], body) == (201, "1", b"hello")
    assert chunked.status_code == 201
    assert "transfer-encoding: chunked" in canary.requests[-1].lower()


async def test_classic_httpx_names_its_own_errors(canary: Listener, local: HostPolicy):
    canary.replies["/cut"] = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\ncut"

    async with Egress().httpx_client(local) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"{local.origins[0]}/cut")
