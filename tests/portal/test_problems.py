"""How errors look, and the descriptions of the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.stand import Stand

pytestmark = pytest.mark.anyio

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def test_what_is_nowhere_is_told_with_method_path_and_host(gatehouse: Stand):
    for method in ("GET", "POST", "DELETE"):
        reply = await gatehouse.http.request(method, "/no/such/path?secret=canary")
        assert reply.status_code == 404
        assert reply.headers["content-type"] == "application/problem+json"
        problem = reply.json()
        assert (problem["method"], problem["path"], problem["host"]) == (method, "/no/such/path", "localhost:8000")
        assert "canary" not in reply.text


async def test_people_get_a_page_and_programs_a_problem(gatehouse: Stand):
    for path, status in (("/no/such/path", 404), ("/api/v1/me", 401), ("/api/v1/sources/x", 401)):
        page = await gatehouse.http.get(path, headers={"Accept": HTML})
        assert page.status_code == status
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        for accept in ("application/json", "*/*", "application/problem+json, text/html;q=0.5", "text/html;q=0", ""):
            reply = await gatehouse.http.get(path, headers={"Accept": accept})
            assert reply.headers["content-type"] == "application/problem+json", accept


async def test_what_was_asked_for_is_text_on_the_page(gatehouse: Stand):
    page = await gatehouse.http.get("/<script>alert(1)</script>", headers={"Accept": HTML})
    assert page.status_code == 404
    assert "<script" not in page.text


async def test_a_path_that_never_ends_is_cut(gatehouse: Stand):
    reply = await gatehouse.http.get("/" + "x" * 20_000)
    assert reply.status_code == 404
    assert len(reply.content) < 2_000


async def test_a_401_says_how_to_sign_in(gatehouse: Stand):
    reply = await gatehouse.http.get("/api/v1/me")
    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert reply.headers["cache-control"] == "no-store"


async def test_a_405_says_what_is_allowed(gatehouse: Stand):
    ann = await gatehouse.person()
    reply = await ann.http.put("/api/v1/sources", json={})
    assert reply.status_code == 405
    assert set(reply.headers["allow"].split(", ")) >= {"GET"}


async def test_a_bug_is_told_as_ours_and_says_nothing(gatehouse: Stand):
    ann = await gatehouse.person()
    async with gatehouse.gatehouse.database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE sources RENAME TO elsewhere")
    reply = await ann.http.get("/api/v1/sources")
    assert reply.status_code == 500
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["request_id"] == reply.headers["x-request-id"]
    for inside in ("sources", "sqlite", "SELECT", "Traceback", ann.token):
        assert inside not in reply.text


async def test_no_answer_about_an_account_is_kept_by_caches_or_sniffed(gatehouse: Stand):
    ann = await gatehouse.person()
    reply = await ann.http.get("/api/v1/me")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["x-frame-options"] == "DENY"
    assert re.fullmatch(r"[0-9a-f]{16}", reply.headers["x-request-id"])


@pytest.fixture
async def spec(vaults: Stand) -> dict[str, Any]:
    found: dict[str, Any] = (await vaults.http.get("/api/openapi.json")).json()
    return found


async def test_the_description_is_valid_openapi_and_of_the_api_only(spec: dict[str, Any]):
    validate(spec)
    assert all(path.startswith("/api/v1/") for path in spec["paths"])


async def test_every_operation_says_what_it_answers_when_it_fails(spec: dict[str, Any]):
    problem = {"$ref": "#/components/schemas/Problem"}
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert {"4XX", "5XX"} <= set(operation["responses"]), where
            for status in ("4XX", "5XX"):
                assert operation["responses"][status]["content"] == {"application/problem+json": {"schema": problem}}
            done = [status for status in operation["responses"] if status.startswith("2")]
            assert len(done) == 1, where
            if done != ["204"]:
                schema = operation["responses"][done[0]]["content"]["application/json"]["schema"]
                assert schema, where


async def test_a_source_is_described_as_the_union_of_every_kind(spec: dict[str, Any]):
    for path, method in (("/sources", "post"), ("/sources/{source_id}", "put"), ("/sources/check", "post")):
        body = spec["paths"][f"/api/v1{path}"][method]["requestBody"]["content"]["application/json"]["schema"]
        assert body["discriminator"]["propertyName"] == "type"
        assert {"customer_db", "vault"} <= set(body["discriminator"]["mapping"])
    schemas = spec["components"]["schemas"]
    assert set(schemas["VaultConfig"]["required"]) == {"address", "password"}
    assert schemas["VaultConfig"]["properties"]["password"]["writeOnly"] is True
    assert "password" not in schemas["VaultConfigReplacement"]["required"]
    assert "config" in schemas["VaultSource"]["required"]


async def test_what_needs_a_session_says_so(spec: dict[str, Any]):
    public = {
        (method, path)
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
        if not operation.get("security")
    }
    assert public == {
        ("post", "/api/v1/signup"), ("post", "/api/v1/signin"), ("post", "/api/v1/reset-password"),
        ("get", "/api/v1/checks"),
    }  # fmt: skip


async def test_the_reference_is_a_page_that_needs_no_other_host(vaults: Stand, spec: dict[str, Any]):
    page = await vaults.http.get("/api/docs")
    assert page.status_code == 200
    for path in spec["paths"]:
        assert path in page.text
    assert "<script" not in page.text
    assert not re.findall(r"""(?:src|href|action)\s*=\s*["']?(?:https?:)?//""", page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
