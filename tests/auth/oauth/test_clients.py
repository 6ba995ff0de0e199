"""Clients as they are found, kept, and forgotten again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pydantic import JsonValue
from structlog.testing import capture_logs

from auth.access import Caller
from auth.limits import Throttle
from auth.oauth.clients import Client, Clients
from auth.oauth.documents import Documents, host_of
from auth.oauth.redirects import redirect_for, require_safe
from auth.oauth.wellknown import WELL_KNOWN
from auth.tokens import token_hash
from database.engine import Database
from database.models import DomainAssignment, Grant, McpServer, OAuthClient, User
from errors import BadRedirect, ClientUnreachable, TooManyRequests, UnknownClient
from services.egress import Egress
from tests.auth.oauth.publisher import HOST, HOSTS, ID, Publisher, document, dripping
from tests.clock import HandClock
from tests.services.egress.network import PUBLIC, Authority, FakeNetwork

pytestmark = pytest.mark.anyio

HERE = Caller(address="198.51.100.7")
CHATGPT = "https://chatgpt.com/oauth/client.json"
CLAUDE = "https://claude.ai/oauth/mcp-oauth-client-metadata"
CLAUDE_CODE = "https://claude.ai/oauth/claude-code-client-metadata"
CODEX = "https://chatgpt.com/oauth/codex/client.json"
VS_CODE = "https://vscode.dev/oauth/client-metadata.json"
PUBLIC_CLIENT: dict[str, JsonValue] = {
    "client_name": "Cursor",
    "redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback"],
    "token_endpoint_auth_method": "none",
}


def with_policy(clients: Clients, policy: str) -> Clients:
    return Clients(clients._database, clients._documents, clients._throttle, clients._clock, policy=policy)


async def rows(database: Database) -> list[OAuthClient]:
    async with database.reading() as session:
        return list(await session.scalars(sa.select(OAuthClient).order_by(OAuthClient.created_at)))


async def changed(database: Database, client_id: str, **values: object) -> None:
    async with database.writing() as session:
        await session.execute(sa.update(OAuthClient).where(OAuthClient.client_id == client_id).values(**values))


async def granted(database: Database, client: Client, clock: HandClock) -> None:
    """Somebody let it in at some server, without anybody having said so to Clients."""
    now = clock()
    async with database.writing() as session:
        user = User(
            email="ann@example.com",
            email_key="ann@example.com",
            name="Ann",
            password_hash="x",
            created_at=now,
            updated_at=now,
        )
        session.add(user)
        await session.flush()
        server = McpServer(
            user_id=user.id,
            name="Mine",
            access="oauth",
            instructions="",
            deadline_ms=10_000,
            results=20,
            rerank=False,
            created_at=now,
            updated_at=now,
        )
        session.add(server)
        await session.flush()
        assignment = DomainAssignment(
            server_id=server.id, user_id=user.id, domain="g1.example.com", url="https://g1.example.com", created_at=now
        )
        session.add(assignment)
        await session.flush()
        session.add(
            Grant(
                user_id=user.id,
                server_id=server.id,
                assignment_id=assignment.id,
                client_id=client.row_id,
                scopes=["mcp:read"],
                created_at=now,
            )
        )


# Registered clients.


async def test_a_registered_client_is_found_by_its_id(clients: Clients):
    made = await clients.register(PUBLIC_CLIENT, HERE)
    found = await clients.find(str(made.response["client_id"]))
    assert found == made.client
    assert (found.kind, found.name, found.auth_method) == ("registered", "Cursor", "none")
    assert (found.host, found.vouched, found.secret_hash) == (None, False, None)
    assert redirect_for(found, None) == "cursor://anysphere.cursor-mcp/oauth/callback"


async def test_a_secret_is_kept_as_a_hash_and_nowhere_else(clients: Clients, database: Database):
    made = await clients.register({**PUBLIC_CLIENT, "token_endpoint_auth_method": "client_secret_basic"}, HERE)
    secret = str(made.response["client_secret"])
    assert (await clients.find(made.client.client_id)).secret_hash == token_hash(secret)
    async with database.engine.connect() as connection:
        kept = (await connection.execute(sa.text("SELECT * FROM oauth_clients"))).all()
    assert secret not in str(kept)


async def test_a_name_does_not_make_a_registration_vouched_for(clients: Clients):
    made = await clients.register({**PUBLIC_CLIENT, "client_name": "ChatGPT"}, HERE)
    assert (made.client.name, made.client.host, made.client.vouched) == ("ChatGPT", None, False)


@pytest.mark.parametrize(
    "client_id", ["", "unheard-of", "x" * 5_000, "a\0b", "' OR 1=1 --", "http://agent.example.com/c"]
)
async def test_an_unknown_id_is_refused_without_being_repeated(client_id: str, clients: Clients):
    with pytest.raises(UnknownClient) as refusal:
        await clients.find(client_id)
    assert not client_id or client_id not in refusal.value.message
    assert refusal.value.status == 400


async def test_sixty_registrations_of_a_network_are_enough_for_ten_minutes(clients: Clients, clock: HandClock):
    for number in range(60):
        await clients.register(PUBLIC_CLIENT, Caller(address=f"198.51.100.{number}"))
    with pytest.raises(TooManyRequests) as refusal:
        await clients.register(PUBLIC_CLIENT, HERE)
    assert refusal.value.retry_after == timedelta(minutes=10)
    await clients.register(PUBLIC_CLIENT, Caller(address="203.0.113.9"))
    clock.forward(minutes=10)
    await clients.register(PUBLIC_CLIENT, HERE)


async def test_registrations_that_nobody_uses_are_gone_after_a_day(
    clients: Clients, database: Database, clock: HandClock
):
    unused, used, allowed = [(await clients.register(PUBLIC_CLIENT, HERE)).client for _ in range(3)]
    await clients.used(used)
    await granted(database, allowed, clock)
    clock.forward(hours=23, minutes=55)
    await clients.sweep()
    assert len(await rows(database)) == 3
    clock.forward(minutes=6)
    await clients.sweep()
    assert len(await rows(database)) == 3, "it looked a moment ago"
    clock.forward(minutes=5)
    young = (await clients.register(PUBLIC_CLIENT, HERE)).client
    await clients.sweep()
    assert {row.id for row in await rows(database)} == {used.row_id, allowed.row_id, young.row_id}
    with pytest.raises(UnknownClient):
        await clients.find(unused.client_id)
    with pytest.raises(UnknownClient):
        await clients.used(unused)


async def test_documents_that_nobody_uses_are_gone_after_a_day_but_not_the_well_known_ones(
    clients: Clients, publisher: Publisher, database: Database, clock: HandClock
):
    publisher.publish(document())
    await clients.find(ID)
    await clients.find(CHATGPT)
    clock.forward(hours=24, minutes=1)
    await clients.sweep()
    assert [row.client_id for row in await rows(database)] == [CHATGPT]


# Documents.


async def test_a_client_is_what_its_document_says_and_its_host_vouches_for_it(clients: Clients, publisher: Publisher):
    publisher.publish(document())
    client = await clients.find(ID)
    assert (client.kind, client.name, client.host, client.vouched) == ("document", "Example Agent", HOST, False)
    assert (client.auth_method, client.secret_hash) == ("none", None)
    assert redirect_for(client, "http://127.0.0.1:50123/callback") == "http://127.0.0.1:50123/callback"
    with pytest.raises(BadRedirect):
        redirect_for(client, "http://localhost:50123/callback")


async def test_a_document_is_read_again_when_its_time_is_over_and_the_client_stays_the_same(
    clients: Clients, publisher: Publisher, clock: HandClock
):
    publisher.publish(document(), cache_control="max-age=600")
    first = await clients.find(ID)
    clock.forward(minutes=9, seconds=59)
    publisher.publish(document(client_name="Renamed", redirect_uris=[f"https://{HOST}/new"]))
    assert await clients.find(ID) == first
    clock.forward(seconds=1)
    second = await clients.find(ID)
    assert (second.name, second.redirect_uris) == ("Renamed", (f"https://{HOST}/new",))
    assert second.row_id == first.row_id, "grants hang on it"
    assert len(publisher.asked) == 2


async def test_an_error_is_not_remembered(clients: Clients, publisher: Publisher, database: Database):
    for status in (404, 503):
        publisher.publish(document(), status=status)
        with pytest.raises(UnknownClient):
            await clients.find(ID)
    publisher.publish(document(client_secret="x"))
    with pytest.raises(UnknownClient):
        await clients.find(ID)
    assert await rows(database) == []
    publisher.publish(document())
    assert (await clients.find(ID)).name == "Example Agent"
    assert len(publisher.asked) == 4


async def test_a_document_that_cannot_be_read_again_is_believed_for_a_day_more(
    clients: Clients, publisher: Publisher, clock: HandClock
):
    publisher.publish(document(), cache_control="max-age=600")
    known = await clients.find(ID)
    publisher.publish(b"", status=503)
    clock.forward(hours=24, minutes=9)
    assert await clients.find(ID) == known
    assert await clients.find(ID) == known
    assert len(publisher.asked) == 3, "it is tried every time"
    clock.forward(minutes=1)
    with pytest.raises(ClientUnreachable):
        await clients.find(ID)


@pytest.mark.parametrize(
    ("fields", "status"), [({}, 404), ({}, 410), ({}, 302), (document(client_secret="x"), 200), (b"<html>", 200)]
)
async def test_a_document_that_was_taken_back_is_believed_no_longer(
    fields: dict[str, object], status: int, clients: Clients, publisher: Publisher, clock: HandClock
):
    publisher.publish(document(), cache_control="max-age=600")
    await clients.find(ID)
    publisher.publish(fields, status=status)
    clock.forward(minutes=10)
    with pytest.raises(UnknownClient):
        await clients.find(ID)


async def test_a_flood_reads_a_document_once(clients: Clients, publisher: Publisher, database: Database):
    publisher.publish(document())
    found = await asyncio.gather(*(clients.find(ID) for _ in range(50)))
    assert len(publisher.asked) == 1
    assert len({client.row_id for client in found}) == 1
    assert len(await rows(database)) == 1


async def test_a_flood_for_what_cannot_be_read_asks_once_as_well(clients: Clients, publisher: Publisher):
    publisher.publish(b"", status=503)
    found = await asyncio.gather(*(clients.find(ID) for _ in range(50)), return_exceptions=True)
    assert {type(one) for one in found} == {ClientUnreachable}
    assert len(publisher.asked) == 1


async def test_one_client_does_not_wait_for_another(clients: Clients, publisher: Publisher):
    other = "https://other.example.com/oauth/other.json"
    publisher.publish(document())
    publisher.publish(document(other, redirect_uris=["http://localhost/cb"]), path="/oauth/other.json")
    found = await asyncio.gather(clients.find(ID), clients.find(other))
    assert [client.host for client in found] == [HOST, "other.example.com"]
    assert len(publisher.asked) == 2


async def test_who_gives_up_waiting_does_not_stop_the_others(clients: Clients, publisher: Publisher):
    publisher.publish(document())
    first, second = asyncio.create_task(clients.find(ID)), asyncio.create_task(clients.find(ID))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).name == "Example Agent"
    assert first.cancelled()
    assert len(publisher.asked) == 1


async def test_two_processes_that_read_at_once_make_one_client(
    clients: Clients, publisher: Publisher, database: Database
):
    publisher.publish(document())
    other = with_policy(clients, "any")
    found = await asyncio.gather(*(one.find(ID) for one in (clients, other) for _ in range(5)))
    assert len({client.row_id for client in found}) == 1
    assert len(await rows(database)) == 1
    known = await asyncio.gather(*(one.find(CLAUDE) for one in (clients, other) for _ in range(5)))
    assert len({client.row_id for client in known}) == 1


async def test_what_is_being_read_ends_with_the_process(authority: Authority, database: Database, clock: HandClock):
    async with dripping(authority.server_context(HOSTS)) as listener:
        network = FakeNetwork(listener, {HOST: [PUBLIC]})
        egress = Egress(network=network.network(), tls=authority.client_context())
        throttle = Throttle(database, clock, active=True)
        clients = Clients(database, Documents(egress), throttle, clock, policy="any")
        waiting = asyncio.create_task(clients.find(ID))
        while listener.connections == 0:  # noqa: ASYNC110 - the connection is another task's
            await asyncio.sleep(0.01)
        await clients.aclose()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert clients._reading == {}


async def test_a_refused_document_is_logged_once_by_its_host(clients: Clients, publisher: Publisher):
    publisher.publish(document(client_secret="s-canary"))
    with capture_logs() as logs:
        await asyncio.gather(*(clients.find(ID) for _ in range(3)), return_exceptions=True)
    [record] = [record for record in logs if record["event"] == "oauth.document_refused"]
    assert record["host"] == HOST
    assert "canary" not in str(record)


# Whose documents are believed.


@pytest.mark.parametrize(
    ("policy", "believed"), [("any", [ID, CHATGPT]), ("wellknown", [CHATGPT]), ("off", [])], ids=["any", "known", "off"]
)
async def test_the_operator_says_whose_documents_are_believed(
    policy: str, believed: list[str], clients: Clients, publisher: Publisher
):
    publisher.publish(document())
    chosen = with_policy(clients, policy)
    assert chosen.accepts_documents is (policy != "off")
    for client_id in (ID, CHATGPT):
        if client_id in believed:
            assert (await chosen.find(client_id)).client_id == client_id
        else:
            with pytest.raises(UnknownClient, match="register"):
                await chosen.find(client_id)
    assert len(publisher.asked) == (ID in believed)
    made = await chosen.register(PUBLIC_CLIENT, HERE)
    assert await chosen.find(made.client.client_id) == made.client


async def test_a_stricter_policy_holds_for_clients_that_are_known_already(clients: Clients, publisher: Publisher):
    publisher.publish(document())
    await clients.find(ID)
    with pytest.raises(UnknownClient):
        await with_policy(clients, "wellknown").find(ID)


# Well-known clients.


@pytest.mark.parametrize("client_id", WELL_KNOWN)
async def test_a_well_known_client_is_known_without_asking_anybody(
    client_id: str, clients: Clients, publisher: Publisher
):
    client = await clients.find(client_id)
    known = WELL_KNOWN[client_id]
    assert (client.kind, client.name, client.host) == ("document", known.name, host_of(client_id))
    assert (client.vouched, client.auth_method) == (True, "none")
    assert publisher.listener.connections == 0
    for uri in client.redirect_uris:
        require_safe(uri)


@pytest.mark.parametrize(
    ("client_id", "uri"),
    [
        (CHATGPT, "https://chatgpt.com/connector_platform_oauth_redirect"),
        (CODEX, "http://127.0.0.1:1455/callback"),
        (CODEX, "http://localhost:1455/callback"),
        (CLAUDE, "https://claude.ai/api/mcp/auth_callback"),
        (CLAUDE, "https://claude.com/api/mcp/auth_callback"),
        (CLAUDE_CODE, "http://localhost:3118/callback"),
        (CLAUDE_CODE, "http://127.0.0.1:54321/callback"),
        (VS_CODE, "https://vscode.dev/redirect"),
        (VS_CODE, "http://127.0.0.1:33418/"),
        (VS_CODE, "http://127.0.0.1:50000/"),
    ],
)
async def test_well_known_clients_are_answered_where_they_listen(client_id: str, uri: str, clients: Clients):
    assert redirect_for(await clients.find(client_id), uri) == uri


@pytest.mark.parametrize(
    ("client_id", "uri"),
    [
        (CHATGPT, "https://chatgpt.com/connector_platform_oauth_redirect/"),
        (CHATGPT, "https://chatgpt.com/connector/oauth/abc"),
        (CHATGPT, "https://chatgpt.com.evil.example.net/connector_platform_oauth_redirect"),
        (CHATGPT, "http://127.0.0.1:1455/callback"),
        (CLAUDE, "https://claude.ai/api/mcp/auth_callback?x=1"),
        (CLAUDE, "http://localhost:3118/callback"),
        (CLAUDE_CODE, "http://localhost:3118/callback/extra"),
        (CLAUDE_CODE, "http://[::1]:3118/callback"),
        (CODEX, "http://127.0.0.1:1455/callback/abc"),
        (VS_CODE, "https://vscode.dev/redirect/"),
        (VS_CODE, "http://localhost:33418/"),
    ],
)
async def test_well_known_clients_are_answered_nowhere_else(client_id: str, uri: str, clients: Clients):
    with pytest.raises(BadRedirect):
        redirect_for(await clients.find(client_id), uri)


async def test_chatgpts_document_as_it_is_published_says_what_our_copy_says(clients: Clients, publisher: Publisher):
    publisher.publish(
        document(
            CHATGPT,
            client_name="ChatGPT",
            redirect_uris=["https://chatgpt.com/connector_platform_oauth_redirect"],
            token_endpoint_auth_method="private_key_jwt",
            token_endpoint_auth_methods_supported=["none", "private_key_jwt"],
            jwks_uri="https://chatgpt.com/oauth/jwks.json",
        )
    )
    before = await clients.find(CHATGPT)
    refreshed = {one.client_id: one for one in await clients.refresh()}
    assert (refreshed[CHATGPT].changes, refreshed[CHATGPT].problem) == ((), None)
    assert await clients.find(CHATGPT) == before


async def test_a_refreshed_document_is_kept_and_what_changed_is_said(
    clients: Clients, publisher: Publisher, clock: HandClock
):
    publisher.publish(
        document(CLAUDE, client_name="Claude 5", redirect_uris=["https://claude.com/new"]),
        path="/oauth/mcp-oauth-client-metadata",
    )
    refreshed = {one.client_id: one for one in await clients.refresh()}
    assert refreshed[CLAUDE].changes == (
        "is called Claude 5 now",
        "new address https://claude.com/new",
        "no longer https://claude.ai/api/mcp/auth_callback",
    )
    problems = [one.name for one in refreshed.values() if one.problem]
    assert problems == [known.name for known in WELL_KNOWN.values() if known.client_id != CLAUDE]
    clock.forward(days=400)
    client = await clients.find(CLAUDE)
    assert client.name == "Claude 5"
    assert client.redirect_uris == ("https://claude.com/new", "https://claude.com/api/mcp/auth_callback")
    assert [one.changes for one in await clients.refresh() if one.client_id == CLAUDE] == [()]


async def test_a_refreshed_document_must_stay_with_its_vendor(clients: Clients, publisher: Publisher):
    publisher.publish(
        document(VS_CODE, redirect_uris=["https://evil.example.net/redirect"]), path="/oauth/client-metadata.json"
    )
    [refreshed] = [one for one in await clients.refresh() if one.client_id == VS_CODE]
    assert refreshed.problem is not None
    assert "evil" not in refreshed.problem
    assert (await clients.find(VS_CODE)).redirect_uris == WELL_KNOWN[VS_CODE].redirect_uris


async def test_a_newer_version_of_ours_brings_a_newer_copy(clients: Clients, database: Database):
    first = await clients.find(CLAUDE)
    older = WELL_KNOWN[CLAUDE].read_at - timedelta(days=1)
    await changed(database, CLAUDE, name="Old", redirect_uris=["https://claude.ai/old"], read_at=older)
    assert await clients.find(CLAUDE) == first


async def test_a_copy_of_ours_does_not_replace_what_was_read_later(clients: Clients, database: Database):
    first = await clients.find(CLAUDE)
    later = WELL_KNOWN[CLAUDE].read_at + timedelta(days=1)
    await changed(database, CLAUDE, name="New", read_at=later)
    assert await clients.find(CLAUDE) == replace(first, name="New")


def test_the_well_known_ids_could_be_read():
    for client_id, known in WELL_KNOWN.items():
        assert host_of(client_id) in known.hosts


async def test_a_client_that_is_gone_cannot_be_used(clients: Clients):
    made = await clients.register(PUBLIC_CLIENT, HERE)
    with pytest.raises(UnknownClient):
        await clients.used(replace(made.client, row_id=uuid4()))
