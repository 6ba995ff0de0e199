"""Databases that the operator did not list: reached by the egress rules only, at the address that was vetted, as the
host that was named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from errors import SourceUnavailable
from handlers.base import DatabaseRules
from services.customer_database.addresses import ServerAddress, parse_address
from services.customer_database.admission import Admission
from services.egress import Egress
from tests.handlers.customer_db.encrypted import certify, install, relaying
from tests.handlers.customer_db.shops import Shop
from tests.handlers.customer_db.test_connections import SLOW, ask, asking, stopped
from tests.services.egress.network import PUBLIC, FakeNetwork, Listener

pytestmark = pytest.mark.anyio

HOST = "db.example.com"
OTHER_HOST = "other.example.com"
METADATA = "169.254.169.254"
LOOPBACK = "127.0.0.0/8"
NO_LIST = DatabaseRules()

Names = Mapping[str, Sequence[str] | Sequence[Sequence[str]]]


def network(names: Names) -> FakeNetwork:
    return FakeNetwork(Listener(port=1), names)


def egress(names: Names, *allowed: str, ours: Sequence[tuple[str, int]] = ()) -> Egress:
    return Egress(allowed=[ip_network(one) for one in allowed], ours=ours, network=network(names).network())


def address(url: str) -> ServerAddress:
    parsed = parse_address(url)
    assert isinstance(parsed, ServerAddress)
    return parsed


def at(shop: Shop, host: str, port: int | None = None, options: str = "") -> str:
    """The shop's URL with its server under another name."""
    user, _, rest = shop.url.partition("@")
    place, _, database = rest.partition("/")
    return f"{user}@{host}:{port or place.partition(':')[2]}/{database}{options}"


# What is admitted


@pytest.mark.parametrize(
    "url", [f"postgresql://r@{HOST}/crm", f"mysql://r@{HOST}:25060/crm", f"mysql://r@{PUBLIC}/crm"]
)
async def test_a_public_database_is_dialled_at_the_address_that_was_vetted(url):
    assert await Admission(egress=egress({HOST: [PUBLIC]})).admit(address(url)) == PUBLIC


@pytest.mark.parametrize("mode", ["disable", "require"])
async def test_a_public_database_must_show_who_it_is(mode):
    unverified = address(f"postgresql://r@{HOST}/crm?sslmode={mode}")
    with pytest.raises(SourceUnavailable, match=r"Take sslmode out .* CUSTOMER_DATABASES"):
        await Admission(egress=egress({HOST: [PUBLIC]})).admit(unverified)


async def test_a_public_database_that_is_called_localhost_must_show_who_it_is():
    with pytest.raises(SourceUnavailable, match="sslmode"):
        await Admission(egress=egress({"localhost": [PUBLIC]})).admit(address("postgresql://r@localhost/crm"))


@pytest.mark.parametrize("addresses", [["10.1.2.3"], [PUBLIC, "10.1.2.3"], ["127.0.0.1"], ["fd00::5"], [METADATA]])
async def test_a_database_in_a_private_network_waits_for_the_operator(addresses):
    with pytest.raises(SourceUnavailable, match=r"CUSTOMER_DATABASES.*EGRESS_ALLOW"):
        await Admission(egress=egress({HOST: addresses})).admit(address(f"postgresql://r@{HOST}/crm"))


@pytest.mark.parametrize("mode", ["disable", "require", "verify-full"])
async def test_a_network_that_the_operator_opened_needs_no_encryption(mode):
    opened = Admission(egress=egress({HOST: ["10.1.2.3"]}, "10.0.0.0/8"))
    assert await opened.admit(address(f"mysql://r@{HOST}/crm?sslmode={mode}")) == "10.1.2.3"


async def test_what_gives_out_a_clouds_credentials_stays_closed_whatever_is_open():
    wide_open = Admission(egress=egress({HOST: [METADATA]}, "0.0.0.0/0"))
    for host in (HOST, METADATA):
        with pytest.raises(SourceUnavailable):
            await wide_open.admit(address(f"postgresql://r@{host}:8080/crm"))


async def test_our_own_database_stays_closed_whatever_is_open():
    names = {"own-db": ["10.0.0.9"], HOST: ["10.0.0.9"]}
    wide_open = Admission(egress=egress(names, "10.0.0.0/8", ours=[("own-db", 5432)]))
    for host in ("own-db", HOST, "10.0.0.9"):
        with pytest.raises(SourceUnavailable, match="own"):
            await wide_open.admit(address(f"postgresql://r@{host}/gatehouse"))
    assert await wide_open.admit(address(f"postgresql://r@{HOST}:5433/crm")) == "10.0.0.9"


@pytest.mark.parametrize("port", [1, 22, 25, 443, 1023, 8000, 8001])
async def test_ports_of_other_services_and_of_ours_are_closed(port):
    admission = Admission(egress=egress({HOST: [PUBLIC]}), closed_ports=frozenset({8000, 8001}))
    with pytest.raises(SourceUnavailable, match=r"port.*CUSTOMER_DATABASES"):
        await admission.admit(address(f"postgresql://r@{HOST}:{port}/crm"))


async def test_a_host_that_does_not_exist_is_said_to_be_missing():
    with pytest.raises(SourceUnavailable, match="not found"):
        await Admission(egress=egress({HOST: [PUBLIC]})).admit(address("postgresql://r@nowhere.example.com/crm"))


async def test_what_is_listed_is_dialled_as_it_is_written():
    fake = network({})
    listed = Admission(
        egress=Egress(network=fake.network()), listed=("postgresql://crm:22",), closed_ports=frozenset({22})
    )
    assert await listed.admit(address("postgresql://r@CRM:22/sales?sslmode=disable")) == "crm"
    assert fake.asked == []


# What is dialled, and as whom it must answer


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for HOST."""
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    path.write_bytes(certify(HOST))
    return path


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The certificate, as the operator would have it trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


@pytest.fixture
def mariadb(shared_shop: Callable[[str], Shop], mariadb_server, certificate: Path) -> Shop:
    """A database that no test changes, behind a server with a certificate for HOST."""
    install(mariadb_server, certificate.read_bytes())
    return shared_shop("mariadb")


HERE = {HOST: ["127.0.0.1"], OTHER_HOST: ["127.0.0.1"]}


# Each encrypts in its own way.
on_both_loops = pytest.mark.parametrize(
    "anyio_backend", ["asyncio", ("asyncio", {"use_uvloop": True})], ids=["asyncio", "uvloop"]
)


@on_both_loops
@pytest.mark.usefixtures("trusted")
async def test_mariadb_is_dialled_by_address_and_verified_by_name(mariadb, connect):
    def under(host: str) -> Any:
        return connect(mariadb, rules=NO_LIST, egress=egress(HERE, LOOPBACK), url=at(mariadb, host))

    assert "encrypted, server verified" in await under(HOST).check()
    with pytest.raises(SourceUnavailable, match="certificate could not be verified"):
        await under(OTHER_HOST).check()


@on_both_loops
async def test_postgresql_is_dialled_by_address_and_verified_by_name(shared_shop, connect, postgres, trusted):
    shop = shared_shop("postgresql")
    async with relaying(trusted, postgres.port) as relay:

        def under(host: str) -> Any:
            url = at(shop, host, relay.port)
            return connect(shop, rules=NO_LIST, egress=egress(HERE, LOOPBACK), url=url)

        source = under(HOST)
        assert "encrypted, server verified" in await source.check()
        with pytest.raises(SourceUnavailable, match="certificate could not be verified"):
            await under(OTHER_HOST).check()
        await source.aclose()
    assert relay.names == [HOST, OTHER_HOST]


async def test_a_certificate_that_nobody_trusts_is_refused(mariadb, connect):
    source = connect(mariadb, rules=NO_LIST, egress=egress(HERE, LOOPBACK), url=at(mariadb, HOST))
    with pytest.raises(SourceUnavailable, match="certificate could not be verified"):
        await source.check()


@pytest.mark.parametrize("later", [METADATA, "10.0.0.5"])
async def test_a_name_that_moves_inside_after_the_first_connection_is_refused_at_the_second(served, connect, later):
    names = {HOST: [["127.0.0.1"], [later]]}
    source = connect(
        served, rules=NO_LIST, egress=egress(names, LOOPBACK), url=at(served, HOST, options="?sslmode=disable")
    )
    assert (await source.fetch("1")).title == "Amelia Hart"
    assert (await source.fetch("2")).title == "Bruno Keller"
    taken = asyncio.gather(*(source.fetch("1") for _ in range(4)), return_exceptions=True)
    refusals = [answer for answer in await taken if isinstance(answer, BaseException)]
    assert all("private network" in str(refusal) for refusal in refusals)
    assert refusals
    assert (await source.fetch("1")).title == "Amelia Hart"
    await source.aclose()
    with pytest.raises(SourceUnavailable, match="private network"):
        await source.fetch("1")


async def test_our_own_server_is_refused_before_it_is_called(served, connect):
    port = int(served.url.rpartition(":")[2].partition("/")[0])
    closed = egress(HERE, LOOPBACK, ours=[("127.0.0.1", port)])
    source = connect(served, rules=NO_LIST, egress=closed, url=at(served, HOST, options="?sslmode=disable"))
    with pytest.raises(SourceUnavailable, match="own"):
        await source.check()


async def test_a_statement_is_stopped_where_it_runs_although_the_name_has_moved(shared_shop, connect):
    shop = shared_shop("mariadb")
    moving = egress({HOST: [["127.0.0.1"], ["127.0.0.9"]]}, LOOPBACK)
    url = at(shop, HOST, options="?sslmode=disable")
    source = connect(shop, rules=NO_LIST, egress=moving, url=url, queries=[asking(SLOW["mariadb"])])
    await source.protections()
    task = asyncio.create_task(ask(source))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await stopped(shop)
