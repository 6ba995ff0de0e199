"""Who answers is decided by the Host header alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from errors import BadRequest
from federation.pool import GatewayPool
from gateway.hosts import DOMAIN, HostRouter, requested_host
from portal.app import create_app
from tests.stand import PORTAL, Stand, settings_for, stand

pytestmark = pytest.mark.anyio

GATEWAY = "http://localhost:8001"


def scope_of(*hosts: bytes) -> Scope:
    return {"type": "http", "headers": [(b"host", host) for host in hosts]}


@pytest.mark.parametrize(
    ("given", "means"),
    [
        (b"g1.example.com", "g1.example.com"),
        (b"G1.Example.COM", "g1.example.com"),
        (b"g1.example.com.", "g1.example.com"),
        (b"g1.example.com:8001", "g1.example.com:8001"),
        (b"g1.example.com.:8001", "g1.example.com:8001"),
        (b"localhost", "localhost"),
        (b"127.0.0.1:80", "127.0.0.1:80"),
        (b"[::1]", "[::1]"),
        (b"[::1]:8001", "[::1]:8001"),
        (b"xn--bcher-kva.example", "xn--bcher-kva.example"),
        (b"a", "a"),
        (b"a_b.example", "a_b.example"),
    ],
)
def test_a_host_has_one_spelling(given: bytes, means: str):
    assert requested_host(scope_of(given)) == means


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b" ",
        b".",
        b"..",
        b"g1.example.com..",
        b".example.com",
        b"a@b",
        b"user:pass@g1.example.com",
        b"a/evil",
        b"a\\evil",
        b"a,b",
        b"a b",
        b"a\tb",
        b"a\0b",
        b"a\r\nb",
        b"a?b",
        b"a#b",
        b"a:b",
        b"a:",
        b"a:123456",
        b"a:80:80",
        b"[::1",
        b"::1",
        b"[g1.example.com]",
        b"[]",
        b"http://a",
        b"b\xc3\xbccher.example",
        b"\xff",
        b"a%2eb",
        b"*",
        b"-a",
        b"a" * 300,
    ],
)
def test_what_is_no_host_name_is_refused(given: bytes):
    with pytest.raises(BadRequest):
        requested_host(scope_of(given))


@pytest.mark.parametrize("hosts", [(), (b"a", b"a"), (b"a", b"b"), (b"", b"a")])
def test_there_must_be_exactly_one_host(hosts: tuple[bytes, ...]):
    with pytest.raises(BadRequest):
        requested_host(scope_of(*hosts))


@given(st.binary(max_size=80))
@example(b"localhost\xe2\x84\xaa")
@example("localhos\u0165".encode("latin-1", "ignore"))
def test_whatever_the_bytes_a_host_is_refused_or_plain(given: bytes):
    try:
        host = requested_host(scope_of(given))
    except BadRequest:
        return
    assert re.fullmatch(r"[a-z0-9_.:\[\]-]+", host)
    assert host.encode() in (given.lower(), given.lower().replace(b".:", b":"), given.lower().removesuffix(b"."))


@given(st.binary(max_size=40))
def test_no_bytes_but_a_gateways_own_name_lead_to_the_gateway(given: bytes):
    chosen = router()._app_for(scope_of(given))
    known = {b"g1.example.com", b"g1.example.com:443", b"g2.example.com:8443"}
    plain = given.lower().replace(b".:", b":").removesuffix(b".")
    assert (chosen is answers_for_gateway) == (plain in known)


async def answers_for_gateway(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("only its identity counts")


async def answers_for_portal(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("only its identity counts")


def router(**more: Any) -> HostRouter:
    return HostRouter(
        portal=answers_for_portal,
        portal_url="https://portal.example.com",
        gateway=answers_for_gateway,
        pool=GatewayPool(["https://g1.example.com", "https://g2.example.com:8443"]),
        everywhere={},
        redirect_loopback=False,
        **more,
    )


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        (b"g1.example.com", "g1.example.com"),
        (b"g1.example.com:443", "g1.example.com"),
        (b"G1.EXAMPLE.COM.:443", "g1.example.com"),
        (b"g2.example.com:8443", "g2.example.com:8443"),
    ],
)
def test_a_gateway_is_found_under_every_spelling_of_its_name(host: bytes, domain: str):
    scope = scope_of(host)
    assert router()._app_for(scope) is answers_for_gateway
    assert scope[DOMAIN] == domain


@pytest.mark.parametrize("host", [b"g1.example.com:80", b"g1.example.com:8443", b"g2.example.com", b"x.g1.example.com"])
def test_another_port_or_name_is_another_host(host: bytes):
    assert router()._app_for(scope_of(host)) not in (answers_for_gateway, answers_for_portal)


def portal_paths(stand: Stand) -> Iterator[tuple[str, str]]:
    """Method and path of every route of the portal, with made-up ids."""
    for route in iter_route_contexts(portal_of(stand).routes):
        if route.path is not None:
            path = re.sub(r"\{[^}]*\}", "5c1f8b1e-0000-4000-8000-000000000000", route.path)
            for method in sorted(route.methods or {"GET"}):
                yield method, path


def portal_of(stand: Stand) -> FastAPI:
    app: Any = create_app(stand.gatehouse.portal, origins=())
    while not isinstance(app, FastAPI):
        app = next(getattr(app, name) for name in ("app", "_app", "_people") if hasattr(app, name))  # what is around it
    return app


async def test_no_portal_route_answers_on_a_gateway(gatehouse: Stand):
    ann = await gatehouse.person()
    await gatehouse.server(ann, access="public")
    everywhere = {"/health", "/healthz", "/readyz", "/assets/page.css", "/"}
    tried = [(method, path) for method, path in portal_paths(gatehouse) if path not in everywhere]
    assert len(tried) > 40
    gateway = gatehouse.client(GATEWAY, Authorization=f"Bearer {ann.token}", Accept="text/html")
    for method, path in tried:
        reply = await gateway.request(method, path, json={})
        assert reply.status_code == 404, (method, path)
        assert "session" not in reply.cookies


async def test_no_gateway_route_answers_on_the_portal(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann, access="public")
    for headers in ({}, {"Authorization": f"Bearer {await gatehouse.key(ann, server)}"}):
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            reply = await gatehouse.http.request(method, "/mcp", headers=headers, json={})
            assert reply.status_code in (404, 405), method
    front = await gatehouse.http.get("/", headers={"Accept": "application/json"})
    assert "mcp" not in front.text.lower() or "transport" not in front.text


@pytest.mark.parametrize("path", ["/health", "/healthz", "/readyz"])
@pytest.mark.parametrize("host", ["localhost:8000", "localhost:8001", "unknown.example.com", "10.1.2.3", "a@b"])
async def test_health_answers_on_any_host(gatehouse: Stand, path: str, host: str):
    reply = await gatehouse.http.get(path, headers={"Host": host})
    assert reply.status_code == 200


@pytest.mark.parametrize("host", ["unknown.example.com", "localhost.example.com", "localhost:8000.evil.example"])
async def test_an_unknown_host_is_misdirected(gatehouse: Stand, host: str):
    reply = await gatehouse.http.get("/", headers={"Host": host})
    assert reply.status_code in (400, 421)
    assert reply.headers["content-type"] == "application/problem+json"
    assert "portal" not in reply.headers.get("location", "")


@pytest.mark.parametrize("host", ["localhost:9999", "127.0.0.1:8000", "[::1]:8000", "127.0.0.1", "localhost"])
async def test_a_loopback_address_that_is_no_gateway_leads_to_the_portal(gatehouse: Stand, host: str):
    reply = await gatehouse.http.get("/sources?next=%2Fx", headers={"Host": host})
    assert reply.status_code == 307
    assert reply.headers["location"] == f"{PORTAL}/sources?next=%2Fx"


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "/%2F%2Fevil.example", "/%0d%0aX-Evil:1"])
async def test_the_redirect_to_the_portal_leads_nowhere_else(gatehouse: Stand, path: str):
    reply = await gatehouse.http.get(f"{PORTAL}{path}", headers={"Host": "127.0.0.1:8000"})
    assert reply.status_code == 307
    assert reply.headers["location"].startswith(f"{PORTAL}/")
    assert "x-evil" not in reply.headers


async def test_production_redirects_nobody(sqlite_url: str, tmp_path: Path):
    settings = settings_for(
        sqlite_url,
        tmp_path,
        env="production",
        portal_url="https://portal.example.com",
        mcp_gateway_url_pools="https://g1.example.com",
        password_cost=12,
        migrate_on_start=True,
    )
    async with stand(settings) as running:
        reply = await running.client("http://127.0.0.1:8000").get("/")
        assert reply.status_code == 421
        served = await running.client("https://portal.example.com").get("/healthz")
        assert served.headers["strict-transport-security"].startswith("max-age=")


async def test_a_domain_nobody_holds_is_not_found(gatehouse: Stand):
    gateway = gatehouse.client(GATEWAY)
    assert (await gateway.post("/mcp", json={})).status_code == 404
    assert (await gateway.get("/", headers={"Accept": "application/json"})).status_code == 404
    page = await gateway.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "Nothing lives here yet" in page.text


async def test_a_domain_that_left_the_pool_is_misdirected(sqlite_url: str, tmp_path: Path):
    before = settings_for(sqlite_url, tmp_path, mcp_gateway_url_pools="https://g1.example.com")
    async with stand(before) as running:
        ann = await running.person()
        server = await running.server(ann, access="public")
        assert server["domain"] == "g1.example.com"
    after = settings_for(sqlite_url, tmp_path, mcp_gateway_url_pools="https://g2.example.com")
    async with stand(after) as running:
        gone = await running.client("https://g1.example.com").post("/mcp", json={})
        assert gone.status_code == 421
