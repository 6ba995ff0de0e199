from __future__ import annotations

from ipaddress import ip_network

import pytest

from errors import SourceUnavailable
from services.egress import Egress
from tests.services.egress.network import PUBLIC, PUBLIC_V6, FakeNetwork, Listener

pytestmark = pytest.mark.anyio

INSIDE = (
    "127.0.0.1",
    "0177.0.0.1",
    "0x7f000001",
    "2130706433",
    "127.1",
    "１２７.０.０.１",  # noqa: RUF001 - that is the attack
    "localhost",
    "localhost.",
    "10.0.0.1",
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "169.254.169.254",
    "[::1]",
    "::1",
    "::1%lo",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "inside.example.org",
    "mixed.example.org",
    "/var/run/postgresql",
    "db.example.org/../x",
    "db.example.org\r\n",
    "db.example.org\x00",
    "user@db.example.org",
    "db.example.org,127.0.0.1",
    "",
)


@pytest.fixture
def fake(canary: Listener) -> FakeNetwork:
    names = {
        "localhost": ["127.0.0.1", "::1"],
        "localhost.": ["127.0.0.1"],
        "db.example.org": [PUBLIC_V6, PUBLIC],
        "inside.example.org": ["10.0.0.1"],
        "mixed.example.org": [PUBLIC, "192.168.0.1"],
        "compose-db": ["172.18.0.5"],
    }
    return FakeNetwork(canary, names)


@pytest.mark.parametrize("host", INSIDE, ids=ascii)
async def test_no_driver_is_sent_inside(host: str, fake: FakeNetwork):
    with pytest.raises(SourceUnavailable):
        await Egress(network=fake.network()).pin(host, 5432)


async def test_a_public_host_is_pinned_to_its_first_address(fake: FakeNetwork):
    assert await Egress(network=fake.network()).pin("DB.example.org", 5432) == PUBLIC_V6


@pytest.mark.parametrize(
    ("host", "address"),
    [("localhost", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("compose-db", "172.18.0.5"), ("[::1]", "::1")],
)
async def test_the_operators_ranges_are_open(host: str, address: str, fake: FakeNetwork):
    allowed = [ip_network("127.0.0.0/8"), ip_network("::1/128"), ip_network("172.16.0.0/12")]

    assert await Egress(allowed=allowed, network=fake.network()).pin(host, 5432) == address


@pytest.mark.parametrize("port", [0, 22, 25, 80, 1023, 65536, -1])
async def test_ports_of_other_services_are_closed(port: int, fake: FakeNetwork):
    with pytest.raises(SourceUnavailable, match="port"):
        await Egress(network=fake.network()).pin("db.example.org", port)


@pytest.mark.parametrize("port", [443, 1024, 3306, 65535])
async def test_ports_of_databases_are_open(port: int, fake: FakeNetwork):
    assert await Egress(network=fake.network()).pin("db.example.org", port) == PUBLIC_V6


async def test_our_own_database_stays_closed_inside_the_operators_ranges(fake: FakeNetwork):
    allowed = [ip_network("172.16.0.0/12")]
    egress = Egress(allowed=allowed, ours=[("compose-db", 5432)], network=fake.network())

    with pytest.raises(SourceUnavailable, match="own"):
        await egress.pin("172.18.0.5", 5432)
    assert await egress.pin("172.18.0.5", 5433) == "172.18.0.5"


async def test_a_name_that_does_not_exist_is_said_to_be_missing(fake: FakeNetwork):
    with pytest.raises(SourceUnavailable, match="not found"):
        await Egress(network=fake.network()).pin("nowhere.example.org", 5432)
