"""Writes that other people's web pages send, and bodies that are no JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stand import PASSWORD, PORTAL, Stand, settings_for, stand

pytestmark = pytest.mark.anyio

WRITES = [("POST", "/api/v1/sources"), ("PUT", "/api/v1/sources/x"), ("PATCH", "/api/v1/me"), ("DELETE", "/api/v1/me")]
OWN = "http://localhost:8000"
DEVELOPMENT = "http://localhost:3000"
FOREIGN = "https://evil.example.com"


# What the browser says about where the request comes from, and whether a write with only a cookie may pass.
PLACES = [
    ({}, True),
    ({"Origin": OWN}, True),
    ({"Origin": OWN, "Sec-Fetch-Site": "same-origin"}, True),
    ({"Origin": DEVELOPMENT, "Sec-Fetch-Site": "same-site"}, True),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Origin": FOREIGN}, False),
    ({"Origin": FOREIGN, "Sec-Fetch-Site": "same-origin"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Origin": f"{OWN}/"}, False),
    ({"Origin": OWN.upper()}, False),
    ({"Origin": "http://localhost:8001"}, False),
    ({"Origin": "https://localhost:8000"}, False),
    ({"Origin": f"{OWN}.evil.example.com"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "made up"}, False),
]


@pytest.mark.parametrize("credential", ["cookie", "bearer", "none"])
async def test_a_write_without_a_bearer_token_comes_from_our_own_pages_or_from_no_page(
    gatehouse: Stand, credential: str
):
    shared = await gatehouse.person()
    for method, path in WRITES:
        for place, passes in PLACES:
            ann = await gatehouse.person() if method == "DELETE" else shared
            headers = {
                "cookie": {**place, "Cookie": f"session={ann.token}"},
                "bearer": {**place, "Authorization": f"Bearer {ann.token}"},
                "none": place,
            }[credential]
            reply = await gatehouse.http.request(method, path, headers=headers)
            refused = not passes and credential != "bearer"
            assert (reply.status_code == 403) is refused, (method, place)
            if refused:
                assert reply.json()["detail"] == "Pages of other sites may not do this."
            if refused:
                still = await gatehouse.http.get("/api/v1/me", headers={"Authorization": f"Bearer {ann.token}"})
                assert still.status_code == 200


async def test_two_origins_must_both_be_ours(gatehouse: Stand):
    headers = [("Origin", OWN), ("Origin", FOREIGN)]
    assert (await gatehouse.http.post("/api/v1/signin", headers=headers)).status_code == 403


async def test_nobody_is_signed_in_by_another_sites_page(gatehouse: Stand):
    ann = await gatehouse.person()
    body = {"email": ann.email, "password": PASSWORD}
    reply = await gatehouse.http.post("/api/v1/signin", json=body, headers={"Origin": FOREIGN})
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("path", ["/signup", "/reset"])
async def test_forms_of_our_pages_are_guarded_too(gatehouse: Stand, path: str):
    fields = {"email": "x@example.com", "name": "x", "password": PASSWORD, "token": "x"}
    assert (await gatehouse.http.post(path, data=fields, headers={"Origin": FOREIGN})).status_code == 403
    assert (await gatehouse.http.post(path, json=fields, headers={"Origin": OWN})).status_code == 415
    assert (
        await gatehouse.http.post(path, data=fields, headers={"Origin": OWN})
    ).status_code != 403 or path == "/reset"


async def test_reading_is_allowed_from_anywhere_but_not_readable_there(gatehouse: Stand):
    ann = await gatehouse.person()
    reply = await ann.http.get("/api/v1/me", headers={"Origin": FOREIGN})
    assert reply.status_code == 200
    assert "access-control-allow-origin" not in reply.headers


NOT_JSON = (
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "",
    "text/json", "application/jsonp", "json", "application/json5", "image/png", "application/json, text/plain",
)  # fmt: skip
JSON = (
    "application/json", "Application/JSON", "application/json;charset=utf-8", "application/merge-patch+json",
)  # fmt: skip


async def test_a_body_that_is_not_said_to_be_json_is_refused(gatehouse: Stand):
    ann = await gatehouse.person()
    for kind in NOT_JSON:
        for method, path in WRITES:
            reply = await ann.http.request(method, path, content=b'{"name": "x"}', headers={"Content-Type": kind})
            assert reply.status_code == 415, (kind, method)
            assert reply.headers["content-type"] == "application/problem+json"
            assert reply.json()["detail"] == "Send the body as application/json."


async def test_json_by_any_of_its_names_is_taken(gatehouse: Stand):
    ann = await gatehouse.person()
    for kind in JSON:
        reply = await ann.http.patch("/api/v1/me", content=b'{"name": "x"}', headers={"Content-Type": kind})
        assert reply.status_code == 200, kind


def preflight(origin: str, method: str = "PUT") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }


async def test_listed_and_development_origins_may_call_with_credentials(sqlite_url: str, tmp_path: Path):
    settings = settings_for(sqlite_url, tmp_path, cors_origins="https://app.example.com")
    async with stand(settings) as gatehouse:
        for origin in ("https://app.example.com", DEVELOPMENT, "http://localhost:5173"):
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                reply = await gatehouse.http.options("/api/v1/sources", headers=preflight(origin, method))
                assert reply.status_code == 200
                assert reply.headers["access-control-allow-origin"] == origin
                assert reply.headers["access-control-allow-credentials"] == "true"
                assert "origin" in reply.headers["vary"].lower()
            reply = await gatehouse.http.get("/api/v1/checks", headers={"Origin": origin})
            assert reply.headers["access-control-allow-origin"] == origin
            refused = await gatehouse.http.post("/api/v1/sources", content=b"x", headers={"Origin": origin})
            assert refused.status_code == 415
            assert refused.headers["access-control-allow-origin"] == origin, "a page can read why it was refused"


@pytest.mark.parametrize(
    "origin", [FOREIGN, "null", "https://app.example.com.evil.example.com", "http://app.example.com"]
)
async def test_no_other_origin_may_and_none_is_ever_told_a_star(sqlite_url: str, tmp_path: Path, origin: str):
    settings = settings_for(sqlite_url, tmp_path, cors_origins="https://app.example.com")
    async with stand(settings) as gatehouse:
        reply = await gatehouse.http.options("/api/v1/sources", headers=preflight(origin))
        assert reply.status_code == 400
        assert "access-control-allow-origin" not in reply.headers
        for path in ("/api/v1/checks", "/api/openapi.json", "/api/v1/me", "/nothing"):
            reply = await gatehouse.http.get(path, headers={"Origin": origin})
            assert reply.headers.get("access-control-allow-origin") not in ("*", origin)


async def test_development_origins_mean_nothing_in_production(sqlite_url: str, tmp_path: Path):
    settings = settings_for(
        sqlite_url, tmp_path, env="production", portal_url="https://portal.example.com", password_cost=12
    )
    async with stand(settings) as gatehouse:
        http = gatehouse.client("https://portal.example.com")
        reply = await http.options("/api/v1/sources", headers=preflight(DEVELOPMENT))
        assert "access-control-allow-origin" not in reply.headers
        reply = await http.post("/api/v1/signin", json={}, headers={"Origin": DEVELOPMENT})
        assert reply.status_code == 403
        reply = await http.post("/api/v1/signin", json={}, headers={"Origin": "https://portal.example.com"})
        assert reply.status_code == 422


async def test_the_portals_own_origin_is_the_default_one():
    assert PORTAL == OWN
