"""The allow corpus: nothing of it may be refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network

import pytest

from errors import SourceUnavailable
from services.egress import Egress, HostPolicy
from tests.services.egress.clients import Ask
from tests.services.egress.network import PUBLIC, PUBLIC_HOSTS, PUBLIC_V6, FakeNetwork, Listener

pytestmark = pytest.mark.anyio

BOX = HostPolicy(origins=("https://api.box.com",), redirects_to=(".boxcloud.com",))
SNOWFLAKE = HostPolicy(suffixes=(".snowflakecomputing.com",))
ANYWHERE = HostPolicy(anywhere=True)


@dataclass(frozen=True)
class Allowed:
    name: str
    url: str
    policy: HostPolicy
    addresses: Sequence[str] = (PUBLIC,)
    networks: Sequence[str] = ()


ALLOWED = (
    Allowed("a vendor", "https://graph.microsoft.com/v1.0", HostPolicy(origins=("https://graph.microsoft.com",))),
    Allowed("a vendor with its port", "https://api.box.com:443/2.0", BOX),
    Allowed("a vendor in capitals", "https://API.Box.com/2.0", BOX),
    Allowed("a download host, asked directly", "https://dl.boxcloud.com/1", BOX),
    Allowed("an account", "https://acme-main_1.snowflakecomputing.com/api/v2/statements", SNOWFLAKE),
    Allowed("any host", "https://www.example.org/", ANYWHERE),
    Allowed("a name in other letters", "https://bücher.example.org/", ANYWHERE),
    Allowed("IPv6", "https://www.example.org/", ANYWHERE, (PUBLIC_V6,)),
    Allowed("both kinds of addresses", "https://www.example.org/", ANYWHERE, (PUBLIC_V6, PUBLIC)),
    Allowed("NAT64 of a public address", "https://www.example.org/", ANYWHERE, ("64:ff9b::5db8:d822",)),
    Allowed("6to4 of a public address", "https://www.example.org/", ANYWHERE, ("2002:5db8:d822::1",)),
    Allowed("the operator's range", "https://www.example.org/", ANYWHERE, ("10.1.2.3",), ("10.0.0.0/8",)),
    Allowed(
        "mapped into the operator's range", "https://www.example.org/", ANYWHERE, ("::ffff:10.1.2.3",), ("10.0.0.0/8",)
    ),
    Allowed("a vendor behind the operator's own front", "https://api.box.com/", BOX, ("10.1.2.3",), ("10.0.0.0/8",)),
    Allowed("loopback, opened", "https://www.example.org/", ANYWHERE, ("127.0.0.1", "::1"), ("127.0.0.0/8", "::1/128")),
)


@pytest.mark.parametrize("allowed", ALLOWED, ids=lambda allowed: allowed.name)
async def test_what_is_allowed_gets_through(allowed: Allowed, ask: Ask, internet: Listener, trust):
    fake = FakeNetwork(internet, dict.fromkeys(PUBLIC_HOSTS, allowed.addresses))
    networks = [ip_network(text) for text in allowed.networks]
    egress = Egress(allowed=networks, network=fake.network(), tls=trust)

    reply = await ask(egress, allowed.policy, allowed.url, {})

    assert (reply.status, reply.text) == (200, "ok")
    assert fake.dialled == [(allowed.addresses[0].removeprefix("::ffff:"), 443)]


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8900", "http://localhost:8900", "http://[::1]:8900"])
async def test_an_address_that_the_operator_set_is_dialled_as_it_stands(origin: str, ask: Ask, canary: Listener):
    fake = FakeNetwork(canary, {"localhost": ["127.0.0.1"]})

    reply = await ask(Egress(network=fake.network()), HostPolicy(origins=(origin,)), f"{origin}/v1.0/users", {})

    assert reply.status == 200
    assert fake.dialled[0][1] == 8900


async def test_a_host_keeps_its_name_in_the_host_header(ask: Ask, internet: Listener, trust):
    fake = FakeNetwork(internet, {"www.example.org": [PUBLIC]})

    await ask(Egress(network=fake.network(), tls=trust), ANYWHERE, "https://www.example.org/", {})

    assert "host: www.example.org\r\n" in internet.requests[0].lower()


async def test_the_certificate_must_be_that_of_the_name(ask: Ask, internet: Listener, trust):
    fake = FakeNetwork(internet, {"not-in-the-certificate.example.org": [PUBLIC]})

    with pytest.raises(OSError if ask.__name__ == "through_requests" else Exception, match="certificate"):
        await ask(
            Egress(network=fake.network(), tls=trust), ANYWHERE, "https://not-in-the-certificate.example.org/", {}
        )

    assert internet.requests == []


async def test_the_next_address_is_tried_when_the_first_does_not_answer(ask: Ask, internet: Listener, trust):
    fake = FakeNetwork(internet, {"www.example.org": [PUBLIC_V6, PUBLIC]})
    fake.dead.add(PUBLIC_V6)

    reply = await ask(Egress(network=fake.network(), tls=trust), ANYWHERE, "https://www.example.org/", {})

    assert reply.status == 200
    assert fake.dialled == [(PUBLIC_V6, 443), (PUBLIC, 443)]


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "168.63.129.16", "0.0.0.0"])  # noqa: S104 - nothing is bound
async def test_metadata_addresses_stay_closed_whatever_the_operator_allows(address: str, ask: Ask, canary: Listener):
    fake = FakeNetwork(canary, {"www.example.org": [address]})
    everything = [ip_network("0.0.0.0/0"), ip_network("::/0")]

    with pytest.raises(SourceUnavailable):
        await ask(Egress(allowed=everything, network=fake.network()), ANYWHERE, "https://www.example.org/", {})

    assert fake.dialled == []
