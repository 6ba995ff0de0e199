"""The outermost layer: ids, safety headers, proxies, and a log without content."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from tests.stand import Stand
from web.edge import Edge
from web.pages import prefers_html

pytestmark = pytest.mark.anyio

PROXY = "10.0.0.1"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells what the application saw."""
    request = Request(scope)
    seen = {
        "host": request.headers.getlist("host"),
        "scheme": scope["scheme"],
        "client": scope["client"][0],
        "x": request.headers.get("x"),
    }
    await JSONResponse(seen)(scope, receive, send)


def client(app: ASGIApp = echo, address: str = PROXY, *, trusted: Sequence[str] = (), strict: bool = False):
    edge = Edge(app, trusted_proxies=[ip_network(one) for one in trusted], strict_transport=strict)
    transport = httpx2.ASGITransport(edge, client=(address, 1), raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://g1.example.com")


FORWARDED = {"X-Forwarded-Host": "g2.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.9"}
OWN = {"host": ["g1.example.com"], "scheme": "http", "x": None}


async def test_a_trusted_proxy_is_believed():
    for trusted in ("10.0.0.1/32", "10.0.0.0/8"):
        async with client(trusted=[trusted]) as http:
            seen = (await http.get("/", headers=FORWARDED)).json()
        assert seen == {"host": ["g2.example.com"], "scheme": "https", "client": "198.51.100.9", "x": None}


@pytest.mark.parametrize("address", ["10.0.0.2", "203.0.113.1", "::1", "not an address"])
async def test_nobody_else_is_believed(address: str):
    async with client(address=address, trusted=["10.0.0.1/32"]) as http:
        assert (await http.get("/", headers=FORWARDED)).json() == {**OWN, "client": address}


async def test_the_last_address_that_is_no_proxy_is_the_clients():
    async with client(trusted=["10.0.0.0/8"]) as http:
        for chain, address in (
            ("198.51.100.9", "198.51.100.9"),
            ("1.2.3.4, 198.51.100.9", "198.51.100.9"),
            ("1.2.3.4, 198.51.100.9, 10.0.0.7", "198.51.100.9"),
            ("10.0.0.9, 10.0.0.7", PROXY),
            ("1.2.3.4, nonsense", PROXY),
            ("", PROXY),
            ("2001:db8::1", "2001:db8::1"),
        ):
            assert (await http.get("/", headers={"X-Forwarded-For": chain})).json()["client"] == address, chain


async def test_only_one_value_is_believed():
    async with client(trusted=["10.0.0.1/32"]) as http:
        for headers in (
            [("X-Forwarded-Host", "g2.example.com, evil.example"), ("X-Forwarded-Proto", "https, http")],
            [("X-Forwarded-Host", "g2.example.com"), ("X-Forwarded-Host", "g3.example.com")],
            [("X-Forwarded-Proto", "javascript")],
        ):
            seen = (await http.get("/", headers=headers)).json()
            assert (seen["host"], seen["scheme"]) == (["g1.example.com"], "http")


async def test_a_forwarded_host_replaces_every_other():
    async with client(trusted=["10.0.0.1/32"]) as http:
        headers = [("Host", "a.example"), ("Host", "b.example"), ("X-Forwarded-Host", "g2.example.com")]
        assert (await http.get("/", headers=headers)).json()["host"] == ["g2.example.com"]


async def test_every_reply_is_told_apart_and_kept_by_nobody():
    async with client() as http:
        replies = [await http.get("/") for _ in range(3)]
    assert len({reply.headers["x-request-id"] for reply in replies}) == 3
    for reply in replies:
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in reply.headers


async def test_an_application_may_say_better():
    async with client(Response("x", headers={"Cache-Control": "public, max-age=60"}), strict=True) as http:
        reply = await http.get("/")
    assert reply.headers["cache-control"] == "public, max-age=60"
    assert reply.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


async def test_a_bug_is_apologised_for_without_its_text():
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("a secret in a traceback")

    with capture_logs() as logs:
        async with client(broken) as http:
            reply = await http.get("/path")
    assert reply.status_code == 500
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["request_id"] == reply.headers["x-request-id"]
    assert "secret" not in reply.text
    assert [line["event"] for line in logs] == ["request.bug", "request"]
    assert logs[1]["status"] == 500


async def test_the_log_says_who_what_and_how_long_and_nothing_of_the_content(gatehouse: Stand):
    ann = await gatehouse.person()
    source = await gatehouse.sample(ann)
    server = await gatehouse.server(ann, [source])
    key = await gatehouse.key(ann, server)
    with capture_logs() as logs:
        await ann.http.get(f"/api/v1/sources/{source['id']}?note=canary-query")
        await ann.http.get("/canary-path")
        async with gatehouse.agent(server, key) as agent:
            await agent.call_tool("search", {"query": "canary-words"})
    lines = [line for line in logs if line["event"] == "request"]
    assert lines[0]["route"].startswith("/api/v1/sources/{")
    assert lines[1]["route"] == "-"
    assert {line["route"] for line in lines[2:]} == {"/mcp"}
    for line in lines:
        assert {"host", "method", "route", "status", "took_ms"} <= line.keys()
    for secret in ("canary", key, ann.token, source["id"]):
        assert secret not in str(logs)


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html", True),
        ("application/json, text/html", True),
        ("application/json, text/html;q=0.9", False),
        ("application/json;q=0.5, text/html;q=0.9", True),
        ("text/html;q=0", False),
        ("text/html;q=nonsense", False),
        ("application/json", False),
        ("*/*", False),
        ("text/*", False),
        ("", False),
    ],
)
def test_people_are_told_from_programs_by_what_they_accept(accept: str, html: bool):
    scope = {"type": "http", "headers": [(b"accept", accept.encode())]}
    assert prefers_html(Request(scope)) is html
