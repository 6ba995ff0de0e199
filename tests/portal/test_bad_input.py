"""Everything a program may send by mistake or in anger, with the status and the problem it gets. On both engines: they
disagree about NUL, about numbers out of range and about what is text."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from tests.stand import PASSWORD, Person, Stand

pytestmark = pytest.mark.anyio

NOBODY = "11111111-2222-4333-8444-555555555555"
JSON = {"Content-Type": "application/json"}
SERVER = {"name": "x", "source_ids": []}
SOURCE = {"name": "x", "type": "customer_db", "config": {"url": "sample"}}


@dataclass(frozen=True)
class Bad:
    """One request and what it must be told. `fields` are the wrong fields, where it is about fields."""

    what: str
    method: str
    path: str
    status: int
    fields: tuple[str, ...] = ()
    send: dict[str, Any] = field(default_factory=dict)


def posted(what: str, path: str, body: object, status: int = 422, *fields: str, method: str = "POST") -> Bad:
    return Bad(what, method, path, status, fields, {"json": body})


def raw(what: str, content: bytes, status: int, **headers: str) -> Bad:
    return Bad(what, "POST", "/mcp-servers", status, (), {"content": content, "headers": {**JSON, **headers}})


def asked(what: str, path: str, status: int, *fields: str, **params: str) -> Bad:
    return Bad(what, "GET", path, status, fields, {"params": params})


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def sign_up(**changes: object) -> dict[str, object]:
    return {"email": "new@example.com", "password": PASSWORD, "name": "New", **changes}


BODIES = (
    raw("nothing", b"", 422),
    raw("white space", b"   ", 400),
    raw("broken off", b'{"name": "x", "source_ids": [', 400),
    raw("single quotes", b"{'name': 'x'}", 400),
    raw("a comma too many", b'{"name": "x", "source_ids": [],}', 400),
    raw("two documents", b'{"name": "x"}{"name": "y"}', 400),
    raw("bytes that are no UTF-8", b'{"name": "\xff\xfe", "source_ids": []}', 400),
    raw("control characters in the text", b'{"name": "a\x01b", "source_ids": []}', 400),
    raw("100,000 levels of lists", b"[" * 100_000 + b"]" * 100_000, 400),
    raw("100,000 levels of objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    raw("500 levels where a name belongs", b'{"source_ids":[],"name":' + b"[" * 500 + b"]" * 500 + b"}", 422),
    raw("a number of 5,000 digits", b'{"name": "x", "source_ids": [], "results": ' + b"9" * 5_000 + b"}", 400),
    raw("a number beyond every float", b'{"name": "x", "source_ids": [], "results": 1e999}', 422),
    raw("no number", b'{"name": "x", "source_ids": [], "results": NaN}', 422),
    raw("a body of 2 MB", b'{"name": "' + b"x" * 2_000_000 + b'"}', 413),
    raw("gzip", gzip.compress(json.dumps(SERVER).encode()), 400, **{"Content-Encoding": "gzip"}),
    raw("a lone surrogate", b'{"name": "\\ud800", "source_ids": []}', 422),
    raw("a lone surrogate for a field", b'{"name": "x", "source_ids": [], "\\udfff": 1}', 422),
    raw("null", b"null", 422),
    raw("a list", b"[]", 422),
    raw("a text", b'"name"', 422),
    raw("a number", b"7", 422),
    raw("true", b"true", 422),
    raw("form fields", b"name=x", 415, **{"Content-Type": "application/x-www-form-urlencoded"}),
    raw("a file", b"--x\r\n\r\n--x--", 415, **{"Content-Type": "multipart/form-data; boundary=x"}),
    raw("no content type", json.dumps(SERVER).encode(), 415, **{"Content-Type": ""}),
    raw("JSON in Latin-1", '{"name": "é", "source_ids": []}'.encode("latin-1"), 400,
        **{"Content-Type": "application/json; charset=latin-1"}),
)  # fmt: skip
FIELDS = (
    posted("a list for a text", "/mcp-servers", {**SERVER, "name": ["x"]}, 422, "name"),
    posted("an object for a text", "/mcp-servers", {**SERVER, "name": {"x": 1}}, 422, "name"),
    posted("a number for a text", "/mcp-servers", {**SERVER, "name": 5}, 422, "name"),
    posted("null for a text", "/mcp-servers", {**SERVER, "name": None}, 422, "name"),
    posted("an empty name", "/mcp-servers", {**SERVER, "name": ""}, 422, "name"),
    posted("a name of spaces", "/mcp-servers", {**SERVER, "name": " \u00a0\u2003 "}, 422, "name"),
    posted("a name of 101 characters", "/mcp-servers", {**SERVER, "name": "x" * 101}, 422, "name"),
    posted("NUL in a name", "/mcp-servers", {**SERVER, "name": "a\x00b"}, 422, "name"),
    posted("CRLF in a name", "/mcp-servers", {**SERVER, "name": "a\r\nSet-Cookie: x=y"}, 422, "name"),
    posted("right-to-left override", "/mcp-servers", {**SERVER, "name": "a\u202egpj.exe"}, 422, "name"),
    posted("zero width", "/mcp-servers", {**SERVER, "name": "a\u200bb"}, 422, "name"),
    posted("tag characters", "/mcp-servers", {**SERVER, "name": "a\U000e0041"}, 422, "name"),
    posted("a byte order mark", "/mcp-servers", {**SERVER, "name": "\ufeffa"}, 422, "name"),
    posted("instructions of 4,001 characters", "/mcp-servers", {**SERVER, "instructions": "x" * 4_001}, 422,
           "instructions"),
    posted("NUL in instructions", "/mcp-servers", {**SERVER, "instructions": "a\x00"}, 422, "instructions"),
    posted("no results", "/mcp-servers", {**SERVER, "results": 0}, 422, "results"),
    posted("too many results", "/mcp-servers", {**SERVER, "results": 101}, 422, "results"),
    posted("results below zero", "/mcp-servers", {**SERVER, "results": -(2**63)}, 422, "results"),
    posted("half a result", "/mcp-servers", {**SERVER, "results": 1.5}, 422, "results"),
    posted("results in words", "/mcp-servers", {**SERVER, "results": "many"}, 422, "results"),
    posted("a deadline beyond 64 bits", "/mcp-servers", {**SERVER, "deadline_ms": 2**70}, 422, "deadline_ms"),
    posted("an access nobody has", "/mcp-servers", {**SERVER, "access": "Public"}, 422, "access"),
    posted("an unknown field", "/mcp-servers", {**SERVER, "user_id": NOBODY}, 422, "user_id"),
    posted("a field of a prototype", "/mcp-servers", {**SERVER, "__proto__": {}}, 422, "__proto__"),
    posted("no field at all", "/mcp-servers", {}, 422, "name", "source_ids"),
    posted("an id that is none", "/mcp-servers", {**SERVER, "source_ids": ["x"]}, 422, "source_ids.0"),
    posted("an object for a list", "/mcp-servers", {**SERVER, "source_ids": {}}, 422, "source_ids"),
    posted("101 sources", "/mcp-servers", {**SERVER, "source_ids": [NOBODY] * 101}, 422, "source_ids"),
    posted("a source of nobody", "/mcp-servers", {**SERVER, "source_ids": [NOBODY]}, 404),
    posted("an e-mail address with NUL", "/signup", sign_up(email="a\x00@example.com"), 422, "email"),
    posted("an e-mail address with a header", "/signup", sign_up(email="a@example.com\r\nBcc: b@c.d"), 422, "email"),
    posted("SQL for an e-mail address", "/signup", sign_up(email="' OR 1=1; DROP TABLE users; --"), 422, "email"),
    posted("a short password", "/signup", sign_up(password="😀" * 11), 422, "password"),
    posted("a long password", "/signup", sign_up(password="x" * 1_025), 422, "password"),
    posted("a password that is a number", "/signup", sign_up(password=123456789012), 422, "password"),
    posted("an operator by request", "/signup", sign_up(is_operator=True), 422, "is_operator"),
    posted("NUL to sign in with", "/signin", {"email": "a\x00b@example.com", "password": "x\x00"}, 401),
    posted("SQL to sign in with", "/signin", {"email": "' OR '1'='1", "password": "' OR '1'='1"}, 401),
    posted("unicode to sign in with", "/signin", {"email": "\uff41nn@example.com\u202e", "password": "😀"}, 401),
    posted("321 characters to sign in with", "/signin", {"email": "x" * 321, "password": "x"}, 422, "email"),
    posted("an unknown kind of source", "/sources", {**SOURCE, "type": "ftp"}, 422, "type"),
    posted("no kind of source", "/sources", {"name": "x", "config": {}}, 422, "type"),
    posted("a kind that is a list", "/sources", {**SOURCE, "type": ["customer_db"]}, 422, "type"),
    posted("a config that is a text", "/sources", {**SOURCE, "config": "sample"}, 422, "config"),
    posted("an unknown setting", "/sources", {**SOURCE, "config": {"url": "sample", "x": 1}}, 422, "config.x"),
    posted("a file of ours as a source", "/sources", {**SOURCE, "config": {"url": "sqlite:////etc/passwd"}}, 422),
    posted("a query of 1,001 characters", f"/mcp-servers/{NOBODY}/search", {"query": "x" * 1_001}, 422, "query"),
    posted("an id of 2,049 characters", f"/mcp-servers/{NOBODY}/fetch", {"id": "x" * 2_049}, 422, "id"),
    posted("a search in nobody's server", f"/mcp-servers/{NOBODY}/search", {"query": "x"}, 404),
    posted("a key that has expired", f"/mcp-servers/{NOBODY}/keys", {"name": "x", "expires_at": "2001-01-01T00:00:00Z"},
           422, "expires_at"),
    posted("a key until the year 10000", f"/mcp-servers/{NOBODY}/keys",
           {"name": "x", "expires_at": "9999-12-31T23:59:59-14:00"}, 422, "expires_at"),
    posted("a name that is missing", "/me", {}, 422, "name", method="PATCH"),
    posted("a token with NUL", "/reset-password", {"token": "\x00", "password": PASSWORD}, 403),
    posted("a token that is too long", "/reset-password", {"token": "x" * 101, "password": PASSWORD}, 422, "token"),
)  # fmt: skip
QUESTIONS = (
    asked("no items", "/sources", 422, "limit", limit="0"),
    asked("201 items", "/sources", 422, "limit", limit="201"),
    asked("items below zero", "/sources", 422, "limit", limit="-1"),
    asked("items beyond 64 bits", "/sources", 422, "limit", limit="9" * 30),
    asked("half an item", "/sources", 422, "limit", limit="1.5"),
    asked("items in words", "/sources", 422, "limit", limit="ten"),
    asked("items as NUL", "/sources", 422, "limit", limit="\x00"),
    asked("a cursor of nobody", "/sources", 422, "cursor", cursor="nobody's"),
    asked("an empty cursor", "/sources", 422, "cursor", cursor=""),
    asked("a cursor of 201 characters", "/sources", 422, "cursor", cursor="A" * 201),
    asked("a cursor that is no base64", "/sources", 422, "cursor", cursor="é"),
    asked("a cursor that is no UTF-8", "/sources", 422, "cursor", cursor="____"),
    asked("a cursor with SQL", "/sources", 422, "cursor", cursor=cursor("2026-01-01' OR 1=1 --/" + NOBODY)),
    asked("a cursor before all time", "/sources", 422, "cursor", cursor=cursor(f"0001-01-01T00:00:00+14:00/{NOBODY}")),
    asked("a cursor without an id", "/sources", 422, "cursor", cursor=cursor("2026-01-01T00:00:00+00:00/")),
    asked("an action of 41 characters", "/activity", 422, "action", action="x" * 41),
    asked("an action with NUL", "/activity", 422, "action", action="a\x00b"),
    asked("a server that is none", "/activity", 422, "server_id", server_id="x"),
    asked("a format nobody writes", "/activity", 422, "format", format="xlsx"),
    asked("an id that is none", "/sources/x", 404),
    asked("an id with NUL", "/sources/%00", 404),
    asked("an id with CRLF", "/sources/%0d%0aSet-Cookie:x=y", 404),
    asked("an id with SQL", "/sources/' OR 1=1 --", 404),
    asked("an id of nobody", f"/sources/{NOBODY}", 404),
    asked("an id in braces", f"/mcp-servers/{{{NOBODY}}}", 404),
    asked("an id of 5,000 characters", "/sources/" + "a" * 5_000, 404),
    asked("a path above", "/sources/../../../../etc/passwd", 404),
    asked("a path nobody serves", "/nothing/here", 404),
    Bad("a method nobody serves", "PUT", "/me", 405, (), {"json": {}}),
    Bad("a method nobody knows", "BREW", "/me", 405, (), {"json": {}}),
    Bad("TRACE", "TRACE", "/me", 405),
)


async def check(person: Person, bad: Bad) -> None:
    reply = await person.http.request(bad.method, f"/api/v1{bad.path}", **bad.send)
    assert reply.status_code == bad.status, (bad.what, reply.text)
    assert reply.headers["content-type"] == "application/problem+json", bad.what
    problem = reply.json()
    assert problem["status"] == bad.status
    assert problem["type"].startswith("urn:gatehouse:")
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == reply.headers["x-request-id"]
    told = tuple(error["field"] for error in problem.get("errors", ()))
    if bad.fields:
        assert told == bad.fields, (bad.what, problem)
    assert len(reply.content) < 2_000, f"{bad.what}: what was sent is not sent back"
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("rows", [BODIES, FIELDS, QUESTIONS], ids=["bodies", "fields", "questions"])
async def test_bad_input_is_told_by_its_status_and_its_fields(gatehouse_on_both: Stand, rows: tuple[Bad, ...]):
    ann = await gatehouse_on_both.person()
    for bad in rows:
        await check(ann, bad)
    assert (await ann.http.get("/api/v1/mcp-servers")).json()["items"] == []
    assert (await ann.http.get("/api/v1/sources")).json()["items"] == []


def test_the_table_is_long_enough():
    rows = [*BODIES, *FIELDS, *QUESTIONS]
    assert len(rows) >= 100
    assert len({row.what for row in rows}) >= len(rows) - 1


async def test_a_body_that_grows_while_it_arrives_is_cut_off(gatehouse: Stand):
    """It does not say how long it will be."""

    async def endless():
        for _ in range(40):
            yield b"x" * 65_536

    ann = await gatehouse.person()
    reply = await ann.http.post("/api/v1/mcp-servers", content=endless(), headers=JSON)
    assert reply.status_code == 413
    assert reply.json()["type"] == "urn:gatehouse:payload_too_large"


async def test_what_is_odd_but_whole_is_taken(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    twice = await ann.http.post("/api/v1/mcp-servers", content=b'{"name":"a","name":"b","source_ids":[]}', headers=JSON)
    assert (twice.status_code, twice.json()["name"]) == (201, "b"), "of a repeated key the last one counts"
    for name in ("Robert'); DROP TABLE mcp_servers;--", "<script>alert(1)</script>", "{{7*7}}", "%s%n", "👩‍🚀", "null"):
        reply = await ann.http.put(f"/api/v1/mcp-servers/{twice.json()['id']}", json={"name": name, "source_ids": []})
        assert (reply.status_code, reply.json()["name"]) == (200, name)
    upper = str(UUID(twice.json()["id"])).upper()
    assert (await ann.http.get(f"/api/v1/mcp-servers/{upper}")).status_code == 200
    utf16 = json.dumps({"name": "é", "source_ids": []}).encode("utf-16")
    reply = await ann.http.post("/api/v1/mcp-servers", content=utf16, headers=JSON)
    assert (reply.status_code, reply.json()["name"]) == (201, "é"), "JSON may come in any Unicode encoding"
    assert (await ann.http.get("/api/v1/sources", params={"unknown": "x", "limit": ["5"]})).status_code == 200
