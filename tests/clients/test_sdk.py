"""The official SDK's client, which finds its own way from the address: metadata, registration or document, consent,
tokens, refresh, and back for more when it may not do enough."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.auth.oauth.publisher import ID, document
from tests.clients.conftest import Town

pytestmark = pytest.mark.anyio

CALLBACK = "http://127.0.0.1:49152/callback"


@dataclass
class Program:
    """What a program that uses the SDK brings: somewhere to keep tokens, and a way to its person's browser."""

    town: Town
    document: str | None = None
    kept: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None
    asked: list[str] = field(default_factory=list)
    """Authorization requests that its person was sent to."""
    provider: OAuthClientProvider | None = None
    _came_back: str = ""

    async def get_tokens(self) -> OAuthToken | None:
        return self.kept

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.kept = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def _redirect(self, url: str) -> None:
        self.asked.append(url)
        self._came_back = await self.town.owner.let_in(url, write="on")

    async def _callback(self) -> AuthorizationCodeResult:
        sent = {name: values[0] for name, values in parse_qs(urlsplit(self._came_back).query).items()}
        return AuthorizationCodeResult(code=sent["code"], state=sent["state"], iss=sent["iss"])

    @asynccontextmanager
    async def running(self, mode: str = "auto") -> AsyncIterator[Client]:
        url = self.town.owner.server["url"]
        self.provider = OAuthClientProvider(
            url,
            OAuthClientMetadata(
                client_name="A program",
                redirect_uris=[AnyUrl(CALLBACK)],
                grant_types=["authorization_code", "refresh_token"],
                token_endpoint_auth_method="none",
            ),
            self,
            self._redirect,
            self._callback,
            client_metadata_url=self.document,
        )
        async with (
            httpx2.AsyncClient(auth=self.provider, timeout=20) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_it_registers_itself_and_searches(town: Town, mode: str):
    program = Program(town)
    async with program.running(mode) as client:
        found = await client.call_tool("search", {"query": "active customers"})
    assert found.structured_content["results"]
    assert len(program.asked) == 1
    assert program.client is not None
    assert not program.client.client_id.startswith("https://")
    (grant,) = await town.owner.grants()
    assert grant["client"] == {"name": "A program", "host": None}


async def test_it_is_known_by_its_document(town: Town):
    town.publisher.publish(document(redirect_uris=["http://127.0.0.1/callback"]))
    program = Program(town, document=ID)
    async with program.running() as client:
        await client.list_tools()
    assert program.client is not None
    assert program.client.client_id == ID
    (grant,) = await town.owner.grants()
    assert grant["client"] == {"name": "Example Agent", "host": "agent.example.com"}


async def test_it_stays_without_asking_again(town: Town):
    """A token that has expired is refreshed; nobody is sent to a browser."""
    program = Program(town)
    async with program.running() as client:
        await client.list_tools()
        first = program.kept
        assert program.provider is not None
        program.provider.context.token_expiry_time = 1.0  # in 1970
        await client.call_tool("search", {"query": "active customers"})
    assert len(program.asked) == 1
    assert first is not None
    assert program.kept is not None
    assert program.kept.access_token != first.access_token
    assert program.kept.refresh_token != first.refresh_token


async def test_it_comes_back_for_the_right_to_change_things(town: Town):
    program = Program(town)
    async with program.running() as client:
        tools = (await client.list_tools()).tools
        (writes,) = [tool for tool in tools if tool.annotations and not tool.annotations.read_only_hint][:1]
        assert parse_qs(urlsplit(program.asked[0]).query)["scope"] == ["mcp:read offline_access"]
        result = await client.call_tool(writes.name, {})
    assert len(program.asked) == 2
    assert set(parse_qs(urlsplit(program.asked[1]).query)["scope"][0].split()) >= {"mcp:read", "mcp:write"}
    assert "mcp/www_authenticate" not in (result.meta or {})


async def test_it_is_turned_away_once_it_is_disconnected(town: Town):
    program = Program(town)
    async with program.running() as client:
        await client.list_tools()
    (grant,) = await town.owner.grants()
    await town.owner.http.delete(f"/api/v1/me/grants/{grant['id']}")
    async with program.running() as client:
        await client.list_tools()
    assert len(program.asked) == 2, "its person was asked again"
