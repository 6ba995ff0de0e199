"""Reading the document of a client: what is read, and all that is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from auth.oauth.documents import LARGEST_BYTES, Documents, fresh_for, host_of, parse_document
from errors import ClientUnreachable, UnknownClient
from services.egress import Egress
from tests.auth.oauth.publisher import HOST, HOSTS, ID, Publisher, document, dripping, publishing
from tests.services.egress.network import PUBLIC, Authority, FakeNetwork, listening

pytestmark = pytest.mark.anyio

BAD_IDS = {
    "http": "http://agent.example.com/client.json",
    "scheme in capitals": "HTTPS://agent.example.com/client.json",
    "another scheme": "ftp://agent.example.com/client.json",
    "no path": "https://agent.example.com",
    "nothing but a slash": "https://agent.example.com/",
    "fragment": "https://agent.example.com/client.json#x",
    "empty fragment": "https://agent.example.com/client.json#",
    "query": "https://agent.example.com/client.json?x=1",
    "user": "https://ann@agent.example.com/client.json",
    "user that looks like the host": "https://claude.ai@agent.example.com/client.json",
    "user and password": "https://a:b@agent.example.com/client.json",
    "one dot": "https://agent.example.com/./client.json",
    "two dots": "https://agent.example.com/a/../client.json",
    "two dots at the end": "https://agent.example.com/a/..",
    "two dots, encoded": "https://agent.example.com/a/%2e%2e/client.json",
    "two dots, half encoded": "https://agent.example.com/a/.%2E/client.json",
    "encoded slash": "https://agent.example.com/a%2fclient.json",
    "port": "https://agent.example.com:8443/client.json",
    "the default port": "https://agent.example.com:443/client.json",
    "empty port": "https://agent.example.com:/client.json",
    "host in capitals": "https://Agent.example.com/client.json",
    "dot behind the host": "https://agent.example.com./client.json",
    "empty label": "https://agent..example.com/client.json",
    "no host": "https:///client.json",
    "backslash": "https://agent.example.com\\@evil.example.net/client.json",
    "space": "https://agent.example.com/client .json",
    "line break": "https://agent.example.com/client.json\r\nHost: x",
    "line break at the end": "https://agent.example.com/client.json\n",
    "NUL": "https://agent.example.com/client.json\0",
    "letters beyond ASCII": "https://bücher.example.com/client.json",
    "full-width digits": "https://１２７.0.0.1/client.json",  # noqa: RUF001 - that is the attack
    "loopback": "https://127.0.0.1/client.json",
    "a public address": "https://93.184.216.34/client.json",
    "an address in one number": "https://2130706433/client.json",
    "an address in hexadecimal": "https://0x7f.0.0.1/client.json",
    "an address in short": "https://127.1/client.json",
    "IPv6": "https://[::1]/client.json",
    "IPv6, public": "https://[2606:2800:220:1::1]/client.json",
    "localhost": "https://localhost/client.json",
    "below localhost": "https://agent.localhost/client.json",
    "one label": "https://intranet/client.json",
    "multicast DNS": "https://printer.local/client.json",
    "internal": "https://metadata.google.internal/computeMetadata/v1/",
    "home network": "https://router.home.arpa/client.json",
    "onion": "https://agent.onion/client.json",
    "too long": f"https://agent.example.com/{'a' * 500}",
    "empty": "",
}

BAD_DOCUMENTS: dict[str, dict[str, Any] | bytes] = {
    "another id": document("https://other.example.com/client.json"),
    "an id with a slash more": document(f"{ID}/"),
    "an id in other case": document(ID.upper()),
    "an id with the default port": document("https://agent.example.com:443/oauth/client.json"),
    "no id": document() | {"client_id": None},
    "no name": document(client_name=None),
    "an empty name": document(client_name=""),
    "a name that cannot be seen": document(client_name="\u200b\u202e \u3164"),
    "a name that is no text": document(client_name=["Example"]),
    "no addresses": document(redirect_uris=None),
    "an empty list of addresses": document(redirect_uris=[]),
    "addresses that are no list": document(redirect_uris=f"https://{HOST}/callback"),
    "addresses that are no texts": document(redirect_uris=[1]),
    "eleven addresses": document(redirect_uris=[f"https://{HOST}/{number}" for number in range(11)]),
    "an address elsewhere": document(redirect_uris=["https://evil.example.net/callback"]),
    "one address elsewhere among good ones": document(
        redirect_uris=[f"https://{HOST}/callback", "https://evil.example.net/callback"]
    ),
    "an address that ends like the host": document(redirect_uris=[f"https://evil{HOST}/callback"]),
    "an address that begins like the host": document(redirect_uris=[f"https://{HOST}.evil.example.net/callback"]),
    "an address on the host above": document(redirect_uris=["https://example.com/callback"]),
    "an address with the host as a user": document(redirect_uris=[f"https://{HOST}@evil.example.net/callback"]),
    "an address that is a script": document(redirect_uris=["javascript:alert(1)"]),
    "an address by plain http": document(redirect_uris=[f"http://{HOST}/callback"]),
    "an address with a wildcard": document(redirect_uris=[f"https://*.{HOST}/callback"]),
    "a secret": document(client_secret="s-canary"),
    "when the secret ends": document(client_secret_expires_at=0),
    "a method with a secret": document(token_endpoint_auth_method="client_secret_basic"),
    "a method with a secret in the body": document(token_endpoint_auth_method="client_secret_post"),
    "a method with a secret that signs": document(token_endpoint_auth_method="client_secret_jwt"),
    "a shared key": document(jwks={"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}),
    "a private key": document(jwks={"keys": [{"kty": "EC", "crv": "P-256", "d": "c2VjcmV0"}]}),
    "nothing but a signed assertion": document(token_endpoint_auth_method="private_key_jwt"),
    "no code flow": document(grant_types=["client_credentials"]),
    "no code": document(response_types=["token"]),
    "no JSON": b"<html>",
    "JSON with a comment": b'{"client_id": 1 // x\n}',
    "no object": b"[]",
    "nothing": b"",
    "not UTF-8": b'{"client_name": "\xff"}',
    "half a surrogate": b'{"client_id": "x", "client_name": "\\ud800", "redirect_uris": ["http://127.0.0.1/"]}',
    "deeper than anybody reads": b"[" * 2_000 + b"]" * 2_000,
}


def parsed(fields: dict[str, Any] | bytes, hosts: Sequence[str] = (HOST,)):
    return parse_document(ID, fields if isinstance(fields, bytes) else json.dumps(fields).encode(), hosts)


@pytest.mark.parametrize("client_id", BAD_IDS.values(), ids=BAD_IDS.keys())
def test_an_id_that_is_no_plain_public_address_is_refused(client_id: str):
    with pytest.raises(UnknownClient) as refusal:
        host_of(client_id)
    assert not client_id or client_id not in refusal.value.message


@pytest.mark.parametrize(
    ("client_id", "host"),
    [
        (ID, HOST),
        ("https://chatgpt.com/oauth/client.json", "chatgpt.com"),
        ("https://chatgpt.com/oauth/abc_123-X/client.json", "chatgpt.com"),
        ("https://claude.ai/oauth/mcp-oauth-client-metadata", "claude.ai"),
        ("https://xn--bcher-kva.example.com/a", "xn--bcher-kva.example.com"),
    ],
)
def test_the_host_of_an_id_is_what_vouches_for_it(client_id: str, host: str):
    assert host_of(client_id) == host


@pytest.mark.parametrize("fields", BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS.keys())
def test_a_document_that_is_not_the_clients_own_or_claims_too_much_is_refused(fields: dict[str, Any] | bytes):
    with pytest.raises(UnknownClient) as refusal:
        parsed(fields)
    assert not isinstance(refusal.value, ClientUnreachable)
    assert "evil" not in refusal.value.message
    assert "canary" not in refusal.value.message


def test_a_document_says_what_the_client_is_called_and_where_it_listens():
    description = parsed(document(client_uri="https://agent.example.com", application_type="native", more={"x": [1]}))
    assert description.name == "Example Agent"
    assert description.redirect_uris == (f"https://{HOST}/callback", "http://127.0.0.1/callback")
    assert description.auth_method == "none"
    assert description.details == {"client_uri": "https://agent.example.com", "application_type": "native"}


@pytest.mark.parametrize(
    "uris",
    [
        [f"https://{HOST}/callback"],
        [f"https://app.{HOST}/callback"],
        ["http://localhost/callback", "http://127.0.0.1:33418/"],
        ["cursor://anysphere.cursor-mcp/oauth/callback"],
        ["com.example.agent:/callback"],
    ],
)
def test_addresses_may_lead_to_the_publisher_below_it_or_to_the_readers_machine(uris: list[str]):
    assert parsed(document(redirect_uris=uris)).redirect_uris == tuple(uris)


def test_a_well_known_vendor_may_use_its_other_hosts():
    uris = ["https://claude.com/api/mcp/auth_callback"]
    with pytest.raises(UnknownClient):
        parsed(document(redirect_uris=uris))
    assert parsed(document(redirect_uris=uris), ("claude.ai", "claude.com")).redirect_uris == tuple(uris)


@pytest.mark.parametrize(
    "fields",
    [
        document(token_endpoint_auth_method=None),
        document(
            token_endpoint_auth_method="private_key_jwt",
            token_endpoint_auth_methods_supported=["none", "private_key_jwt"],
            jwks_uri="https://agent.example.com/jwks.json",
        ),
        document(jwks={"keys": [{"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ"}]}),
        document(client_uri="javascript:alert(1)", application_type="desktop"),
        document(client_uri=""),
    ],
    ids=["method unsaid", "none beside another method", "public keys", "odd details", "empty field"],
)
def test_a_client_that_can_do_without_a_secret_is_let_do_so(fields: dict[str, Any]):
    description = parsed(fields)
    assert description.auth_method == "none"
    assert description.details == {}


@pytest.mark.parametrize(
    ("headers", "minutes"),
    [
        ({}, 60),
        ({"cache-control": "public, max-age=1800"}, 30),
        ({"cache-control": "Max-Age=1800"}, 30),
        ({"cache-control": 'max-age="1800"'}, 30),
        ({"cache-control": "s-maxage=60, max-age=1800"}, 30),
        ({"cache-control": "max-age=1800", "age": "600"}, 20),
        ({"cache-control": "max-age=1800", "age": "x"}, 30),
        ({"cache-control": "max-age=1800", "age": "-5"}, 30),
        ({"cache-control": "max-age=1800", "age": "3600"}, 5),
        ({"cache-control": "max-age=0"}, 5),
        ({"cache-control": "no-store,no-cache,max-age=0"}, 5),
        ({"cache-control": "no-store"}, 5),
        ({"cache-control": "max-age=99999999999999999999"}, 24 * 60),
        ({"cache-control": "max-age=31536000"}, 24 * 60),
        ({"cache-control": "max-age=nonsense"}, 60),
    ],
)
def test_a_document_is_believed_as_long_as_http_says_but_not_for_ever(headers: dict[str, str], minutes: int):
    assert fresh_for(httpx2.Headers(headers)) == timedelta(minutes=minutes)


async def test_a_document_is_read_by_one_plain_request(publisher: Publisher):
    publisher.publish(document(), cache_control="max-age=600")
    read = await Documents(publisher.egress).read(ID, [HOST])
    assert read.description.name == "Example Agent"
    assert read.fresh_for == timedelta(minutes=10)
    [request] = publisher.listener.requests
    sent = {line.partition(":")[0].lower() for line in request.split("\r\n")[1:] if line}
    assert request.startswith("GET /oauth/client.json HTTP/1.1")
    assert sent <= {"host", "accept", "accept-encoding", "connection", "user-agent"}


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/cimd+json"]
)
async def test_json_may_be_called_by_its_names(content_type: str, publisher: Publisher):
    publisher.publish(document(), content_type=content_type)
    assert (await Documents(publisher.egress).read(ID, [HOST])).description.name == "Example Agent"


@pytest.mark.parametrize(
    "content_type", ["", "text/html", "text/plain", "application/jsonp", "text/json", "image/json"]
)
async def test_what_is_not_sent_as_json_is_not_read(content_type: str, publisher: Publisher):
    publisher.publish(document(), content_type=content_type)
    with pytest.raises(UnknownClient, match="application/json"):
        await Documents(publisher.egress).read(ID, [HOST])


async def test_a_packed_document_is_not_unpacked(publisher: Publisher):
    publisher.publish(document(), content_encoding="gzip")
    with pytest.raises(UnknownClient, match="plain"):
        await Documents(publisher.egress).read(ID, [HOST])


async def test_a_document_may_be_as_large_as_that_and_no_larger(publisher: Publisher):
    fields = document(padding="")
    fields["padding"] = "x" * (LARGEST_BYTES - len(json.dumps(fields)))
    publisher.publish(fields)
    assert (await Documents(publisher.egress).read(ID, [HOST])).description.name == "Example Agent"
    fields["padding"] += "x"
    publisher.publish(fields)
    with pytest.raises(UnknownClient, match="larger"):
        await Documents(publisher.egress).read(ID, [HOST])


async def test_a_document_without_a_length_is_cut_off_where_it_becomes_too_large(publisher: Publisher):
    publisher.publish(document(padding="x" * 100_000), content_length="")
    with pytest.raises(UnknownClient, match="larger"):
        await Documents(publisher.egress).read(ID, [HOST])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", [f"https://{HOST}/elsewhere.json", "https://other.example.com/x", "https://169.254.169.254/", "/x"]
)
async def test_a_redirect_is_not_followed(status: int, location: str, publisher: Publisher):
    publisher.listener.redirect("/oauth/client.json", location, status)
    publisher.publish(document(), path="/elsewhere.json")
    with pytest.raises(UnknownClient):
        await Documents(publisher.egress).read(ID, [HOST])
    assert publisher.asked == ["GET /oauth/client.json HTTP/1.1"]


@pytest.mark.parametrize("status", [201, 204, 206, 300, 302, 304, 404, 410])
async def test_without_a_document_there_is_no_client(status: int, publisher: Publisher):
    publisher.publish(document(), status=status)
    with pytest.raises(UnknownClient) as refusal:
        await Documents(publisher.egress).read(ID, [HOST])
    assert type(refusal.value) is UnknownClient


@pytest.mark.parametrize("status", [400, 401, 403, 408, 429, 500, 502, 503])
async def test_a_host_that_cannot_answer_now_may_be_asked_again(status: int, publisher: Publisher):
    publisher.publish(b"<html>challenge", status=status)
    with pytest.raises(ClientUnreachable):
        await Documents(publisher.egress).read(ID, [HOST])


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["192.168.1.1"],
        ["169.254.169.254"],
        ["100.100.100.200"],
        ["::1"],
        ["fd00:ec2::254"],
        ["fe80::1"],
        ["::ffff:169.254.169.254"],
        ["64:ff9b::a9fe:a9fe"],
        [PUBLIC, "10.0.0.1"],
    ],
    ids=" ".join,
)
async def test_a_name_that_leads_inside_is_never_dialled(addresses: list[str], authority: Authority):
    async with publishing(authority, {HOST: addresses}) as publisher:
        publisher.publish(document())
        with pytest.raises(UnknownClient) as refusal:
            await Documents(publisher.egress).read(ID, [HOST])
    assert publisher.network.dialled == []
    assert publisher.listener.connections == 0
    assert not any(address in refusal.value.message for address in addresses)


async def test_a_name_that_changes_its_mind_gains_nothing(authority: Authority):
    async with publishing(authority, {HOST: [[PUBLIC], ["127.0.0.1"]]}) as publisher:
        publisher.publish(document())
        await Documents(publisher.egress).read(ID, [HOST])
        assert publisher.network.asked == [HOST], "the name is asked for once, and its answer dialled"
        with pytest.raises(UnknownClient):
            await Documents(publisher.egress).read(ID, [HOST])
    assert publisher.network.dialled == [(PUBLIC, 443)]


async def test_a_name_without_an_address_may_get_one_later(authority: Authority):
    async with publishing(authority, {HOST: []}) as publisher:
        with pytest.raises(ClientUnreachable):
            await Documents(publisher.egress).read(ID, [HOST])


async def test_a_certificate_for_another_name_is_no_proof(authority: Authority):
    async with listening(authority.server_context(["other.example.com"])) as listener:
        network = FakeNetwork(listener, {HOST: [PUBLIC]})
        egress = Egress(network=network.network(), tls=authority.client_context())
        with pytest.raises(ClientUnreachable):
            await Documents(egress).read(ID, [HOST])
    assert listener.requests == []


async def test_a_host_that_drips_is_left_in_time(authority: Authority):
    async with dripping(authority.server_context(HOSTS)) as listener:
        network = FakeNetwork(listener, {HOST: [PUBLIC]})
        egress = Egress(network=network.network(), tls=authority.client_context())
        with pytest.raises(ClientUnreachable):
            await Documents(egress, patience=timedelta(seconds=0.3)).read(ID, [HOST])
    assert listener.connections == 1


async def test_nothing_that_a_document_names_is_read(publisher: Publisher):
    publisher.publish(
        document(
            logo_uri="https://other.example.com/logo.png",
            jwks_uri=f"https://{HOST}/jwks.json",
            client_uri=f"https://{HOST}/",
            policy_uri=f"https://{HOST}/policy",
        )
    )
    await Documents(publisher.egress).read(ID, [HOST])
    assert publisher.asked == ["GET /oauth/client.json HTTP/1.1"]
    assert publisher.network.asked == [HOST]
