"""The official runner against a Gatehouse on a socket, for both revisions of the specification that it judges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx2
import pytest

from listening import listen
from main import Gatehouse
from serving import Server
from tests.clients.person import owner
from tests.conformance.fixture import REGISTRY, connect_fixtures
from tests.conformance.relay import Relay
from tests.conformance.runner import Runner, RunnerMissing, find_runner
from tests.portal.oauth.flow import connected
from tests.stand import PORTAL, Stand, ports, served, settings_for, stand

pytestmark = pytest.mark.anyio

BOTH: Final = frozenset(
    {
        "dns-rebinding-protection",
        "prompts-list",
        "resources-list",
        "resources-read-text",
        "resources-templates-read",
        "server-sse-multiple-streams",
        "tools-call-error",
        "tools-call-simple-text",
        "tools-call-with-progress",
        "tools-list",
    }
)
PASSED: Final = {
    "2025-11-25": BOTH | {"ping", "server-initialize"},
    # Header validation is run but not scored: expected-failures.yml would not notice it.
    "2026-07-28": BOTH | {"caching", "http-header-validation", "sep-2164-resource-not-found"},
}
"""What must pass whatever the file of expected failures says."""


@pytest.fixture(scope="module")
def runner() -> Runner:
    try:
        return find_runner()
    except RunnerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
async def house(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    """With one gateway, at an address that the runner takes for this machine's own."""
    (port,) = ports(1)
    settings = settings_for(
        sqlite_url, tmp_path, port=port, portal_url=PORTAL, mcp_gateway_url_pools=f"http://127.0.0.1:{port}"
    )
    async with stand(settings, REGISTRY) as running:
        yield running


@asynccontextmanager
async def on_its_socket(gatehouse: Gatehouse, key: str | None) -> AsyncIterator[None]:
    server = Server(gatehouse)
    server.config.app = Relay(gatehouse.app, key)
    task = asyncio.create_task(server.serve(listen(gatehouse.settings)))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task


@pytest.mark.parametrize("revision", PASSED)
async def test_a_public_server_conforms(house: Stand, runner: Runner, revision: str):
    ann = await house.person()
    server = await house.server(ann, await connect_fixtures(house, ann), access="public")

    async with on_its_socket(house.gatehouse, key=None):
        verdict = await runner.judge(server["url"], revision)

    assert verdict.as_expected, verdict.report
    assert verdict.passed >= PASSED[revision]


@pytest.mark.parametrize("revision", PASSED)
async def test_a_server_that_wants_a_token_conforms_to_who_was_let_in(house: Stand, runner: Runner, revision: str):
    ann = await house.person()
    server = await house.server(ann, await connect_fixtures(house, ann))
    held = await connected(house, ann, server)

    assert (await house.client().post(server["url"])).status_code == 401
    async with on_its_socket(house.gatehouse, held.access):
        verdict = await runner.judge(server["url"], revision)

    assert verdict.as_expected, verdict.report
    assert verdict.passed >= PASSED[revision]


async def test_the_authorization_server_conforms(sqlite_url: str, tmp_path: Path, runner: Runner):
    """A person lets the runner in where it would open a browser."""
    portal, gateway, callback = ports(3)
    settings = settings_for(sqlite_url, tmp_path, port=portal, mcp_gateway_url_pools=f"http://localhost:{gateway}")
    async with served(settings), owner(settings.portal_url) as somebody:
        body = {"redirect_uris": [f"http://127.0.0.1:{callback}/callback"], "token_endpoint_auth_method": "none"}
        client_id = (await somebody.http.post("/register", json=body)).json()["client_id"]

        async def let_in(url: str) -> None:
            async with httpx2.AsyncClient() as http:
                await http.get(await somebody.let_in(url))

        verdict = await runner.judge_issuer(settings.portal_url, client_id, callback, let_in)

    assert verdict.as_expected, verdict.report
    assert verdict.passed == {"authorization-server-metadata-endpoint", "authorization-code-grant"}, verdict.report
