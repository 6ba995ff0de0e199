"""The attack corpus: nothing of it may open a connection, whichever client is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx
import httpx2
import pytest
import requests

from errors import SourceUnavailable
from services.egress import Egress, HostPolicy
from tests.services.egress.clients import Ask
from tests.services.egress.network import PUBLIC, FakeNetwork, Listener

pytestmark = pytest.mark.anyio

REFUSALS = (
    SourceUnavailable,
    # A client may also refuse to read the URL at all.
    httpx2.InvalidURL,
    httpx2.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
)

ANYWHERE = HostPolicy(anywhere=True)
SNOWFLAKE = HostPolicy(suffixes=(".snowflakecomputing.com",))
BOX = HostPolicy(origins=("https://api.box.com",), redirects_to=(".boxcloud.com",))
SANDBOX = HostPolicy(origins=("http://127.0.0.1:8900",))


@dataclass(frozen=True)
class Attack:
    name: str
    url: str
    policy: HostPolicy = ANYWHERE
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)


ATTACKS = (
    # Loopback and private addresses, in every notation that some parser takes.
    Attack("loopback", "https://127.0.0.1/"),
    Attack("loopback beyond .1", "https://127.8.9.10/"),
    Attack("octal", "https://0177.0.0.1/"),
    Attack("octal, padded", "https://0000177.0.0.01/"),
    Attack("hexadecimal", "https://0x7f.0x0.0x0.0x1/"),
    Attack("hexadecimal, one number", "https://0x7f000001/"),
    Attack("decimal, one number", "https://2130706433/"),
    Attack("two parts", "https://127.1/"),
    Attack("three parts", "https://127.0.1/"),
    Attack("hexadecimal and short", "https://0x7f.1/"),
    Attack("decimal, overflowing", "https://6425673729/"),
    Attack("full-width digits", "https://１２７.０.０.１/"),  # noqa: RUF001 - that is the attack
    Attack("enclosed digits", "https://①②⑦.⓪.⓪.①/"),
    Attack("ideographic full stops", "https://127。0。0。1/"),
    Attack("trailing dot on an address", "https://127.0.0.1./"),
    Attack("trailing dot on a name", "https://localhost./", names={"localhost.": ["127.0.0.1"]}),
    Attack("localhost", "https://localhost/", names={"localhost": ["127.0.0.1"]}),
    Attack("localhost pretending to be public", "https://localhost/", names={"localhost": [PUBLIC]}),
    Attack("a name below localhost", "https://a.localhost/", names={"a.localhost": ["127.0.0.1"]}),
    Attack("this host", "https://0.0.0.0/"),
    Attack("zero", "https://0/"),
    Attack("private, class A", "https://10.1.2.3/"),
    Attack("private, class B", "https://172.16.0.1/"),
    Attack("private, class C", "https://192.168.1.1/"),
    Attack("carrier-grade NAT", "https://100.64.0.1/"),
    Attack("benchmarking", "https://198.18.0.1/"),
    Attack("protocol assignments", "https://192.0.0.8/"),
    Attack("multicast", "https://224.0.0.1/"),
    Attack("reserved", "https://240.0.0.1/"),
    Attack("broadcast", "https://255.255.255.255/"),
    Attack("metadata", "https://169.254.169.254/latest/meta-data/"),
    Attack("metadata, one number", "https://2852039166/"),
    Attack("metadata of Azure", "https://168.63.129.16/"),
    Attack("metadata of Alibaba", "https://100.100.100.200/"),
    Attack("IPv6 loopback", "https://[::1]/"),
    Attack("IPv6 loopback, in full", "https://[0000:0000:0000:0000:0000:0000:0000:0001]/"),
    Attack("IPv6 loopback with a zone", "https://[::1%25lo]/"),
    Attack("IPv6 unspecified", "https://[::]/"),
    Attack("IPv6 unique local", "https://[fc00::1]/"),
    Attack("IPv6 link-local", "https://[fe80::1]/"),
    Attack("IPv6 site-local", "https://[fec0::1]/"),
    Attack("IPv6 multicast", "https://[ff02::1]/"),
    Attack("IPv6 metadata", "https://[fd00:ec2::254]/"),
    Attack("IPv4-mapped loopback", "https://[::ffff:127.0.0.1]/"),
    Attack("IPv4-mapped loopback, in hexadecimal", "https://[::ffff:7f00:1]/"),
    Attack("IPv4-mapped metadata", "https://[::ffff:169.254.169.254]/"),
    Attack("IPv4-compatible loopback", "https://[::7f00:1]/"),
    Attack("6to4 of loopback", "https://[2002:7f00:1::]/"),
    Attack("6to4 of a private address", "https://[2002:a01:203::]/"),
    Attack("NAT64 of loopback", "https://[64:ff9b::7f00:1]/"),
    Attack("NAT64 of metadata", "https://[64:ff9b::a9fe:a9fe]/"),
    Attack("NAT64, local prefix", "https://[64:ff9b:1::a00:1]/"),
    Attack("Teredo with a private client", "https://[2001:0:4136:e378:8000:63bf:f5ff:fffe]/"),
    Attack("IPv6 documentation", "https://[2001:db8::1]/"),
    # Names that lead inside.
    Attack("a name for loopback", "https://inside.example.org/", names={"inside.example.org": ["127.0.0.1"]}),
    Attack("a name for IPv6 loopback", "https://inside.example.org/", names={"inside.example.org": ["::1"]}),
    Attack("one bad address among good ones", "https://a.example.org/", names={"a.example.org": [PUBLIC, "10.0.0.1"]}),
    Attack("mapped in DNS", "https://a.example.org/", names={"a.example.org": ["::ffff:10.0.0.1"]}),
    Attack("with a zone in DNS", "https://a.example.org/", names={"a.example.org": ["fe80::1%eth0"]}),
    Attack("metadata in DNS", "https://a.example.org/", names={"a.example.org": ["169.254.169.254"]}),
    Attack("a vendor's name gone private", "https://api.box.com/", policy=BOX, names={"api.box.com": ["192.168.7.7"]}),
    Attack(
        "an account's name gone private",
        "https://acme.snowflakecomputing.com/",
        policy=SNOWFLAKE,
        names={"acme.snowflakecomputing.com": ["10.9.9.9"]},
    ),
    Attack("a name without a dot", "https://intranet/", names={"intranet": [PUBLIC]}),
    # What is said before and behind the host.
    Attack("userinfo that looks like the vendor", "https://api.box.com@127.0.0.1/", policy=BOX),
    Attack("userinfo with a port", "https://api.box.com:443@127.0.0.1/", policy=BOX),
    Attack("the vendor behind a fragment", "https://127.0.0.1#@api.box.com/", policy=BOX),
    Attack("the vendor in the query", "https://127.0.0.1?api.box.com", policy=BOX),
    Attack("backslash", "https://127.0.0.1\\@api.box.com/", policy=HostPolicy(suffixes=(".boxcloud.com",))),
    Attack("the suffix as a prefix", "https://snowflakecomputing.com.example.org/", policy=SNOWFLAKE),
    Attack("the suffix without its dot", "https://evilsnowflakecomputing.com/", policy=SNOWFLAKE),
    Attack("the suffix alone", "https://snowflakecomputing.com/", policy=SNOWFLAKE),
    Attack("an empty label", "https://.snowflakecomputing.com/", policy=SNOWFLAKE),
    Attack("the suffix with a dot at its end", "https://a.snowflakecomputing.com./", policy=SNOWFLAKE),
    Attack("percent-encoded dot", "https://evil%2esnowflakecomputing.com/", policy=HostPolicy(suffixes=(".box.com",))),
    Attack("NUL before the suffix", "https://127.0.0.1%00.snowflakecomputing.com/", policy=SNOWFLAKE),
    Attack("line break in the host", "https://127.0.0.1\r\n.snowflakecomputing.com/", policy=SNOWFLAKE),
    Attack("tab in the host", "https://127.0.0.1\t.snowflakecomputing.com/", policy=SNOWFLAKE),
    # Ports and schemes.
    Attack("another port", "https://www.example.org:8443/", names={"www.example.org": [PUBLIC]}),
    Attack("port 22", "https://www.example.org:22/", names={"www.example.org": [PUBLIC]}),
    Attack("another port of a vendor", "https://api.box.com:8443/", policy=BOX, names={"api.box.com": [PUBLIC]}),
    Attack("plain http", "http://www.example.org/", names={"www.example.org": [PUBLIC]}),
    Attack("plain http on port 443", "http://www.example.org:443/", names={"www.example.org": [PUBLIC]}),
    Attack("a vendor by plain http", "http://api.box.com/", policy=BOX, names={"api.box.com": [PUBLIC]}),
    Attack("file", "file:///etc/passwd"),
    Attack("gopher", "gopher://127.0.0.1:6379/_INFO"),
    Attack("websocket", "wss://www.example.org/", names={"www.example.org": [PUBLIC]}),
    Attack(
        "another host than the vendor's", "https://www.example.org/", policy=BOX, names={"www.example.org": [PUBLIC]}
    ),
    Attack("another port of the sandbox's machine", "http://127.0.0.1:5432/", policy=SANDBOX),
    Attack("the sandbox by https", "https://127.0.0.1:8900/", policy=SANDBOX),
    Attack("the sandbox in another notation", "http://127.1:8900/", policy=SANDBOX),
    Attack("metadata as an origin", "http://169.254.169.254/", policy=HostPolicy(origins=("http://169.254.169.254",))),
    Attack(
        "an origin on localhost that resolves elsewhere",
        "http://localhost:8900/",
        policy=HostPolicy(origins=("http://localhost:8900",)),
        names={"localhost": ["10.0.0.1"]},
    ),
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_an_attack_opens_no_connection(attack: Attack, ask: Ask, canary: Listener):
    fake = FakeNetwork(canary, attack.names)
    egress = Egress(network=fake.network())

    with pytest.raises(REFUSALS):
        await ask(egress, attack.policy, attack.url, {})

    assert fake.dialled == []
    assert canary.connections == 0


async def test_the_canary_sings_when_something_gets_through(ask: Ask, canary: Listener):
    fake = FakeNetwork(canary, {})

    reply = await ask(Egress(network=fake.network()), SANDBOX, "http://127.0.0.1:8900/", {})

    assert (reply.status, canary.connections) == (200, 1)


async def test_a_name_that_turns_private_after_the_first_request_is_not_dialled_again(
    ask: Ask, internet: Listener, trust
):
    fake = FakeNetwork(internet, {"www.example.org": [[PUBLIC], ["127.0.0.1"]]})
    egress = Egress(network=fake.network(), tls=trust)
    await ask(egress, ANYWHERE, "https://www.example.org/", {})

    with pytest.raises(SourceUnavailable):
        await ask(egress, ANYWHERE, "https://www.example.org/", {})

    assert fake.dialled == [(PUBLIC, 443)]


async def test_a_pool_asks_again_for_every_new_connection(internet: Listener, trust):
    fake = FakeNetwork(internet, {"www.example.org": [[PUBLIC], ["127.0.0.1"]]})
    async with Egress(network=fake.network(), tls=trust).client(ANYWHERE) as client:
        await client.get("https://www.example.org/")  # answered with Connection: close

        with pytest.raises(SourceUnavailable):
            await client.get("https://www.example.org/")

    assert fake.dialled == [(PUBLIC, 443)]


async def test_a_name_is_asked_for_once_and_its_answer_is_what_is_dialled(ask: Ask, internet: Listener, trust):
    fake = FakeNetwork(internet, {"www.example.org": [[PUBLIC], ["127.0.0.1"]]})

    await ask(Egress(network=fake.network(), tls=trust), ANYWHERE, "https://www.example.org/", {})

    assert fake.asked == ["www.example.org"]
    assert fake.dialled == [(PUBLIC, 443)]


async def test_a_refusal_tells_no_address(ask: Ask, canary: Listener):
    fake = FakeNetwork(canary, {"inside.example.org": ["10.20.30.40"]})

    with pytest.raises(SourceUnavailable) as refusal:
        await ask(Egress(network=fake.network()), ANYWHERE, "https://inside.example.org/", {})

    assert "10.20.30.40" not in refusal.value.message
    assert "EGRESS_ALLOW" in refusal.value.message


async def test_a_header_with_a_line_break_is_not_sent(ask: Ask, internet: Listener, trust):
    fake = FakeNetwork(internet, {"www.example.org": [PUBLIC]})
    egress = Egress(network=fake.network(), tls=trust)

    with pytest.raises((httpx2.LocalProtocolError, httpx.LocalProtocolError, requests.exceptions.InvalidHeader)):
        await ask(egress, ANYWHERE, "https://www.example.org/", {"X-Id": "1\r\nHost: 169.254.169.254"})

    assert internet.requests == []
