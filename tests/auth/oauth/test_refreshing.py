"""The clients of a running Gatehouse: swept by its housekeeping, refreshed by its command."""

from __future__ import annotations

import argparse
import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auth.access import Caller
from auth.oauth.clients import Client, Clients
from commands import refresh_clients
from errors import UnknownClient
from tests.auth.oauth.publisher import ID, Publisher, document
from tests.clock import HandClock
from tests.stand import Stand, settings_for, stand

pytestmark = pytest.mark.anyio

PATHS = {
    "https://chatgpt.com/oauth/client.json": "https://chatgpt.com/connector_platform_oauth_redirect",
    "https://chatgpt.com/oauth/codex/client.json": "http://127.0.0.1/callback",
    "https://claude.ai/oauth/mcp-oauth-client-metadata": "https://claude.ai/api/mcp/auth_callback",
    "https://claude.ai/oauth/claude-code-client-metadata": "http://localhost/callback",
    "https://vscode.dev/oauth/client-metadata.json": "https://vscode.dev/redirect",
}


@pytest.fixture
async def connected(sqlite_url: str, tmp_path: Path, clock: HandClock, publisher: Publisher) -> AsyncIterator[Stand]:
    """A Gatehouse whose way to the internet ends at the publisher."""
    async with stand(settings_for(sqlite_url, tmp_path), clock=clock, internet=publisher.egress) as running:
        yield running


async def test_the_command_reads_every_vendors_document_and_says_what_is_new(
    connected: Stand, publisher: Publisher, capsys: pytest.CaptureFixture[str]
):
    for client_id, uri in PATHS.items():
        publisher.publish(
            document(client_id, client_name="New", redirect_uris=[uri]), path="/" + client_id.split("/", 3)[3]
        )
    assert await refresh_clients(connected.gatehouse, argparse.Namespace()) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == len(PATHS)
    assert said[0] == "ChatGPT: is called New now"
    assert said[1] == "Codex: is called New now; no longer http://localhost/callback"
    for client_id in PATHS:
        assert (await connected.gatehouse.oauth_clients.find(client_id)).name == "New"


async def test_the_command_says_whom_it_could_not_read_and_keeps_what_is_there(
    connected: Stand, publisher: Publisher, capsys: pytest.CaptureFixture[str]
):
    for client_id in PATHS:
        publisher.publish(b"challenge", path="/" + client_id.split("/", 3)[3], status=403)
    assert await refresh_clients(connected.gatehouse, argparse.Namespace()) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in said] == [
        "ChatGPT",
        "Codex",
        "Claude",
        "Claude Code",
        "Visual Studio Code",
    ]
    assert all("kept as it is" in line for line in said)
    assert (await connected.gatehouse.oauth_clients.find(next(iter(PATHS)))).name == "ChatGPT"


async def test_housekeeping_sweeps_clients_that_nobody_used(connected: Stand, publisher: Publisher, clock: HandClock):
    clients = connected.gatehouse.oauth_clients
    made = await clients.register({"redirect_uris": ["http://127.0.0.1/cb"]}, Caller(address="198.51.100.7"))
    clock.forward(hours=25)
    async with asyncio.timeout(30):
        while await is_known(clients, made.client):  # noqa: ASYNC110 - housekeeping has no event to wait for
            await asyncio.sleep(0.1)


async def is_known(clients: Clients, client: Client) -> bool:
    try:
        await clients.find(client.client_id)
    except UnknownClient:
        return False
    return True


async def test_documents_are_read_by_the_way_that_leads_to_the_internet(connected: Stand, publisher: Publisher):
    publisher.publish(document())
    assert (await connected.gatehouse.oauth_clients.find(ID)).name == "Example Agent"


async def test_networks_opened_for_sources_are_not_open_to_documents(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 443))]
    async with stand(settings_for(sqlite_url, tmp_path, egress_allow="10.0.0.0/8")) as running:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: inside)
        with pytest.raises(UnknownClient, match="private network"):
            await running.gatehouse.oauth_clients.find(ID)
