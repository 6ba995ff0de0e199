from __future__ import annotations

import pytest

from errors import SourceUnavailable
from services.egress import Egress, HostPolicy
from tests.services.egress.clients import Ask
from tests.services.egress.network import PUBLIC, PUBLIC_HOSTS, FakeNetwork, Listener

pytestmark = pytest.mark.anyio

BOX = HostPolicy(origins=("https://api.box.com",), redirects_to=(".boxcloud.com",))
SECRETS = {"Authorization": "Bearer secret", "Cookie": "s=secret", "X-Api-Key": "secret", "Accept": "text/plain"}


@pytest.fixture
def fake(internet: Listener) -> FakeNetwork:
    return FakeNetwork(internet, dict.fromkeys(PUBLIC_HOSTS, (PUBLIC,)))


@pytest.fixture
def egress(fake: FakeNetwork, trust) -> Egress:
    return Egress(network=fake.network(), tls=trust)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_where_the_policy_says_is_followed(
    status: int, egress: Egress, ask: Ask, internet: Listener
):
    internet.redirect("/content", "https://dl.boxcloud.com/file?x=1", status)

    reply = await ask(egress, BOX, "https://api.box.com/content", {})

    assert reply.text == "ok"
    assert internet.requests[-1].startswith("GET /file?x=1 HTTP/1.1\r\n")
    assert "host: dl.boxcloud.com" in internet.requests[-1].lower()


async def test_another_origin_gets_no_credentials(egress: Egress, ask: Ask, internet: Listener):
    internet.redirect("/content", "https://dl.boxcloud.com/file")

    await ask(egress, BOX, "https://api.box.com/content", SECRETS)

    first, second = internet.requests
    assert first.count("secret") == 3
    assert "secret" not in second
    assert "accept: text/plain" in second.lower()


async def test_the_same_origin_keeps_them(egress: Egress, ask: Ask, internet: Listener):
    policy = HostPolicy(origins=("https://api.box.com",), redirects_to=("api.box.com",))
    internet.redirect("/old", "/new")

    await ask(egress, policy, "https://api.box.com/old", SECRETS)

    assert internet.requests[1].startswith("GET /new ")
    assert internet.requests[1].count("secret") == 3


ELSEWHERE = (
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/",
    "http://127.0.0.1/",
    "https://localhost/",
    "//127.0.0.1/",
    "https://www.example.org/",
    "https://dl.boxcloud.com:8443/",
    "http://dl.boxcloud.com/",
    "https://dl.boxcloud.com@127.0.0.1/",
    "https://dl.boxcloud.com.example.org/",
    "https://[::ffff:127.0.0.1]/",
    "https://2130706433/",
    "file:///etc/passwd",
    "https://127.0.0.1:99999/",
    "/same-origin",
)


@pytest.mark.parametrize("location", ELSEWHERE)
async def test_a_redirect_elsewhere_is_an_error_and_opens_no_connection(
    location: str, egress: Egress, ask: Ask, fake: FakeNetwork, internet: Listener
):
    internet.redirect("/content", location)

    with pytest.raises(SourceUnavailable):
        await ask(egress, BOX, "https://api.box.com/content", {})

    assert fake.dialled == [(PUBLIC, 443)]
    assert len(internet.requests) == 1


@pytest.mark.parametrize("location", ELSEWHERE)
async def test_any_host_does_not_mean_any_redirect(location: str, egress: Egress, ask: Ask, internet: Listener):
    internet.redirect("/", location)

    with pytest.raises(SourceUnavailable):
        await ask(egress, HostPolicy(anywhere=True), "https://www.example.org/", {})

    assert len(internet.requests) == 1


async def test_the_target_of_a_redirect_must_be_public_too(ask: Ask, internet: Listener, trust):
    fake = FakeNetwork(internet, {"api.box.com": [PUBLIC], "dl.boxcloud.com": ["10.0.0.7"]})
    internet.redirect("/content", "https://dl.boxcloud.com/file")

    with pytest.raises(SourceUnavailable):
        await ask(Egress(network=fake.network(), tls=trust), BOX, "https://api.box.com/content", {})

    assert fake.dialled == [(PUBLIC, 443)]


async def test_circles_end(egress: Egress, ask: Ask, internet: Listener):
    policy = HostPolicy(origins=("https://api.box.com",), redirects_to=("api.box.com",))
    internet.redirect("/round", "/round")

    with pytest.raises(SourceUnavailable):
        await ask(egress, policy, "https://api.box.com/round", {})

    assert len(internet.requests) == 6


async def test_a_redirected_post_is_an_error(egress: Egress, internet: Listener):
    internet.redirect("/upload", "https://dl.boxcloud.com/file", 307)

    async with egress.client(BOX) as client:
        with pytest.raises(SourceUnavailable):
            await client.post("https://api.box.com/upload")

    assert len(internet.requests) == 1


async def test_a_caller_cannot_switch_the_rules_off(egress: Egress, internet: Listener):
    internet.redirect("/content", "https://www.example.org/")

    async with egress.client(BOX) as client:
        with pytest.raises(SourceUnavailable):
            await client.get("https://api.box.com/content", follow_redirects=True)

    assert len(internet.requests) == 1
