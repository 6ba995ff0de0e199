"""The headers that keep a reply from being misused: on every route of every host, however it is called."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx2
import pytest

from tests.routes import routes
from tests.stand import Stand, settings_for, stand

pytestmark = pytest.mark.anyio

PORTAL, GATEWAY = "https://portal.example.com", "https://g1.example.com"
NOBODY = "00000000-0000-0000-0000-000000000007"
ACCEPTS = ("text/html", "application/json")
CACHEABLE = ("/assets/", "/.well-known/")


@pytest.fixture
async def production(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    """Everything as it is in production."""
    settings = settings_for(
        sqlite_url, tmp_path, env="production", portal_url=PORTAL, mcp_gateway_url_pools=GATEWAY, signup="open",
        migrate_on_start=True, password_cost=12,
    )  # fmt: skip
    async with stand(settings) as running:
        yield running


def calls(gatehouse: Stand) -> set[tuple[str, str]]:
    """Method and path of every route of the portal, with ids that nobody has, and two methods that none has."""
    known = {(method, re.sub(r"\{[^}]+\}", NOBODY, path)) for method, path in routes(gatehouse)}
    return known | {(method, path) for _, path in known for method in ("OPTIONS", "TRACE")}


def policy(value: str) -> Mapping[str, list[str]]:
    parts = [part.split() for part in value.split(";") if part.strip()]
    return {part[0]: part[1:] for part in parts}


def check(method: str, reply: httpx2.Response) -> None:
    headers, where = reply.headers, (method, str(reply.url), reply.status_code)
    assert reply.status_code < 500, where
    assert headers["x-content-type-options"] == "nosniff", where
    assert headers["referrer-policy"] in ("no-referrer", "same-origin"), where
    assert headers["x-frame-options"] == "DENY", where
    assert headers["strict-transport-security"].startswith("max-age=31536000"), where
    assert headers["cross-origin-opener-policy"] == "same-origin", where
    assert "camera=()" in headers["permissions-policy"], where
    assert headers.get_list("x-request-id"), where
    assert "server" not in headers, where
    assert "x-powered-by" not in headers, where
    rules = policy(headers["content-security-policy"])
    assert rules["frame-ancestors"] == ["'none'"], where
    assert rules["default-src"] in (["'none'"], ["'self'"]), where
    assert "unsafe" not in headers["content-security-policy"], where
    if "script-src" in rules:
        assert rules["script-src"] == ["'self'"], where
    if not reply.url.path.startswith(CACHEABLE):
        assert "no-store" in headers["cache-control"], where
    assert headers.get("access-control-allow-origin", "*") == "*", where
    if "access-control-allow-origin" in headers:
        assert "access-control-allow-credentials" not in headers, where


async def test_every_route_of_the_portal_has_them(production: Stand):
    every = calls(production)
    assert len(every) > 60
    async with production.client(PORTAL) as http:
        for method, path in sorted(every):
            for accept in ACCEPTS:
                headers = {"Accept": accept, "Origin": "https://elsewhere.example"}
                check(method, await http.request(method, path, headers=headers))


async def test_they_are_there_for_people_who_are_signed_in(production: Stand):
    body = {"email": "ann@example.com", "password": "correct horse battery staple", "name": "Ann"}
    async with production.client(PORTAL) as http:
        check("POST", await http.post("/api/v1/signup", json=body))
        check("POST", await http.post("/api/v1/signin", json={key: body[key] for key in ("email", "password")}))
        ends = {path for method, path in calls(production) if "sign" in path and method != "GET"}
        for method, path in sorted(calls(production)):
            if method == "GET" and path not in ends:
                for accept in ACCEPTS:
                    check(method, await http.get(path, headers={"Accept": accept}))


async def test_every_path_of_a_gateway_has_them(production: Stand):
    paths = (
        "/", "/mcp", "/mcp/", "/nothing", "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp", "/.well-known/openid-configuration", "/healthz", "/assets/nothing",
    )  # fmt: skip
    async with production.client(GATEWAY) as http:
        for path in paths:
            for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
                for accept in ACCEPTS:
                    check(method, await http.request(method, path, headers={"Accept": accept}))


async def test_a_host_that_is_none_gets_them_too(production: Stand):
    async with production.client("https://nobody.example.com") as http:
        for accept in ACCEPTS:
            check("GET", await http.get("/", headers={"Accept": accept}))
