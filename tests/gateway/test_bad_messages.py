"""Messages that are not as they should be, and what each must get: HTTP status and JSON-RPC code, in both eras."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.gateway.wire import MODERN, reply_in, request
from tests.stand import Stand

pytestmark = pytest.mark.anyio

LEGACY = "2025-11-25"
Sent = tuple[dict[str, str], dict[str, Any]]
Change = Callable[[dict[str, str], dict[str, Any]], Any]
PARSE, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS, MISMATCH = -32700, -32600, -32601, -32602, -32020
FINE, TOLD, NOTHING = 0, 1, None
"""Instead of a code: an answer; an answer that says isError; no message at all."""


@dataclass(frozen=True)
class Row:
    name: str
    change: Change
    """Given headers and body of a good request, changes the headers and gives the body, as JSON or as bytes."""
    legacy: tuple[int, int | None] | None
    modern: tuple[int, int | None] | None
    method: str = "tools/list"
    params: Any = None


def body(**changes: Any) -> Change:
    """Members of the message, changed; `...` takes one away."""

    def change(_headers: dict[str, str], message: dict[str, Any]) -> Any:
        return {name: value for name, value in {**message, **changes}.items() if value is not ...}

    return change


def raw(data: bytes) -> Change:
    return lambda _headers, _message: data


def instead(value: Any) -> Change:
    return lambda _headers, _message: value


def header(name: str, value: str | None) -> Change:
    def change(headers: dict[str, str], message: dict[str, Any]) -> Any:
        headers.pop(name, None)
        if value is not None:
            headers[name] = value
        return message

    return change


def meta(**changes: Any) -> Change:
    def change(_headers: dict[str, str], message: dict[str, Any]) -> Any:
        long = {f"io.modelcontextprotocol/{name}": value for name, value in changes.items()}
        message["params"]["_meta"] = {**message["params"].get("_meta", {}), **long}
        return message

    return change


def same(_headers: dict[str, str], message: dict[str, Any]) -> Any:
    return message


def call(name: Any, arguments: Any = ...) -> dict[str, Any]:
    return {"name": name} if arguments is ... else {"name": name, "arguments": arguments}


_NESTED = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":' + b"[" * 9_000 + b"]" * 9_000 + b"}}"
_LATIN = b'{"jsonrpc":"2.0","id":"\xff","method":"tools/list"}'
_MANY_DIGITS = b'{"jsonrpc":"2.0","method":"tools/list","id":' + b"9" * 5_000 + b"}"

ROWS = [
    Row("no JSON", raw(b"{"), (400, PARSE), (400, PARSE)),
    Row("nothing", raw(b""), (400, PARSE), (400, PARSE)),
    Row("NUL", raw(b"\0"), (400, PARSE), (400, PARSE)),
    Row("bytes that are no UTF-8", raw(_LATIN), (400, PARSE), (400, PARSE)),
    Row("100,000 brackets", raw(b"[" * 100_000), (400, PARSE), (400, PARSE)),
    Row("deep nesting", raw(_NESTED), (400, PARSE), (400, PARSE)),
    Row("an id of 5,000 digits", raw(_MANY_DIGITS), (400, PARSE), (400, PARSE)),
    Row("a batch", lambda _headers, message: [message], (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    Row("an empty batch", instead([]), (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    Row("a string", instead("x"), (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    Row("null", instead(None), (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    Row("a number", instead(7), (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    Row("no version of JSON-RPC", body(jsonrpc=...), (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    Row("another version of JSON-RPC", body(jsonrpc="1.0"), (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    Row("no method", body(method=...), (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    Row("a method that is a number", body(method=5), (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    Row("parameters in a list", body(params=[1]), (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    Row("parameters in a string", body(params="x"), (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    # The SDK takes what has no usable id for a notification in the handshake era.
    Row("id null", body(id=None), (202, NOTHING), (400, INVALID_REQUEST)),
    Row("id 1.5", body(id=1.5), (202, NOTHING), (400, INVALID_REQUEST)),
    Row("id true", body(id=True), (202, NOTHING), (400, INVALID_REQUEST)),
    Row("id {}", body(id={}), (202, NOTHING), (400, INVALID_REQUEST)),
    Row("an id of 40 digits", body(id=10**40), (200, FINE), (200, FINE)),
    Row("a long id", body(id="x" * 10_000), (200, FINE), (200, FINE)),
    Row("NUL and line ends in an id", body(id="a\0b\r\ndata: c\n\n"), (200, FINE), (200, FINE)),
    Row("half a character in an id", body(id="\ud800"), (400, PARSE), (200, FINE)),
    Row("a reply", instead({"jsonrpc": "2.0", "id": 1, "result": {}}), (202, NOTHING), (400, INVALID_REQUEST)),
    Row("a notification nobody knows", body(id=..., method="notifications/x"), (202, NOTHING), (202, NOTHING)),
    Row("a malformed notification", body(id=..., method=5), (400, INVALID_PARAMS), (400, INVALID_REQUEST)),
    Row("an unknown method", same, (200, NO_METHOD), (404, NO_METHOD), "tools/nothing"),
    Row("an empty method", same, (200, NO_METHOD), (404, NO_METHOD), ""),
    Row("a method of the client's side", same, (200, NO_METHOD), (404, NO_METHOD), "roots/list"),
    Row("discovery by handshake clients", same, (200, NO_METHOD), (200, FINE), "server/discover"),
    Row("a ping", same, (200, FINE), (404, NO_METHOD), "ping"),
    Row("a handshake without parameters", same, (200, INVALID_PARAMS), (404, NO_METHOD), "initialize"),
    Row("a call of nothing", same, (200, INVALID_PARAMS), (400, INVALID_PARAMS), "tools/call"),
    Row("a call of a number", same, (200, INVALID_PARAMS), (400, MISMATCH), "tools/call", call(5)),
    Row("a tool nobody has", same, (200, INVALID_PARAMS), (400, INVALID_PARAMS), "tools/call", call("x", {})),
    Row("a long name", same, (200, INVALID_PARAMS), (400, INVALID_PARAMS), "tools/call", call("x" * 5_000)),
    Row("text as arguments", same, (200, INVALID_PARAMS), (400, INVALID_PARAMS), "tools/call", call("search", "x")),
    Row("a list as arguments", same, (200, INVALID_PARAMS), (400, INVALID_PARAMS), "tools/call", call("search", [])),
    Row("no arguments", same, (200, TOLD), (200, TOLD), "tools/call", call("search")),
    Row("null as arguments", same, (200, TOLD), (200, TOLD), "tools/call", call("search", None)),
    Row("a query of null", same, (200, TOLD), (200, TOLD), "tools/call", call("search", {"query": None})),
    Row("a query of controls", same, (200, FINE), (200, FINE), "tools/call", call("search", {"query": "\0\r\nx"})),
    Row("half a character", same, (400, PARSE), (200, FINE), "tools/call", call("search", {"query": "a \ud800"})),
    Row("an id of half a character", same, (400, PARSE), (200, TOLD), "tools/call", call("fetch", {"id": "\ud800"})),
    Row("SQL in an id", same, (200, TOLD), (200, TOLD), "tools/call", call("fetch", {"id": "x:1' OR '1'='1"})),
    Row("a cursor that is a number", same, (200, INVALID_PARAMS), (400, INVALID_PARAMS), params={"cursor": 5}),
    Row("a cursor nobody gave", same, (200, FINE), (200, FINE), params={"cursor": "x"}),
    Row("NUL in an address", same, (200, INVALID_PARAMS), (400, INVALID_PARAMS), "resources/read", {"uri": "a\0b"}),
    Row("an address that is a number", same, (200, INVALID_PARAMS), (400, MISMATCH), "resources/read", {"uri": 5}),
    Row("a prompt nobody has", same, (200, INVALID_PARAMS), (400, INVALID_PARAMS), "prompts/get", {"name": "x"}),
    Row("JSON alone is accepted", header("Accept", "application/json"), (406, INVALID_REQUEST), (406, NOTHING)),
    Row("events alone are accepted", header("Accept", "text/event-stream"), (406, INVALID_REQUEST), (406, NOTHING)),
    Row("pages are accepted", header("Accept", "text/html"), (406, INVALID_REQUEST), (406, NOTHING)),
    Row("anything is accepted", header("Accept", "*/*"), (200, FINE), (200, FINE)),
    Row("nothing is accepted", header("Accept", ""), (406, INVALID_REQUEST), (406, NOTHING)),
    Row("sent as text", header("Content-Type", "text/plain"), (400, NOTHING), (400, NOTHING)),
    Row("sent as a form", header("Content-Type", "application/x-www-form-urlencoded"), (400, NOTHING), (400, NOTHING)),
    Row("sent as nothing", header("Content-Type", ""), (400, NOTHING), (400, NOTHING)),
    Row("a revision to come", header("MCP-Protocol-Version", "2030-01-01"), (400, INVALID_PARAMS), (400, MISMATCH)),
    Row("a revision of nonsense", header("MCP-Protocol-Version", "x"), (400, INVALID_PARAMS), (400, MISMATCH)),
    Row("no revision", header("MCP-Protocol-Version", None), (200, FINE), (200, FINE)),
    Row("another method in the header", header("Mcp-Method", "tools/call"), None, (400, MISMATCH)),
    Row("no method in the header", header("Mcp-Method", None), None, (400, MISMATCH)),
    Row("another name in the header", header("Mcp-Name", "x"), None, (400, MISMATCH), "tools/call", call("search", {})),
    Row("no name in the header", header("Mcp-Name", None), None, (400, MISMATCH), "tools/call", call("search", {})),
    Row("nothing about the client", body(params={}), None, (400, INVALID_PARAMS)),
    Row("a number about the client", body(params={"_meta": 5}), None, (400, INVALID_PARAMS)),
    Row("another revision in the body", meta(protocolVersion="2025-11-25"), None, (400, MISMATCH)),
    Row("capabilities that are a number", meta(clientCapabilities=5), None, (400, INVALID_PARAMS)),
]  # fmt: skip


@pytest.fixture
async def public(gatehouse: Stand) -> dict[str, Any]:
    ann = await gatehouse.person()
    return await gatehouse.server(ann, [await gatehouse.sample(ann)], access="public")


@pytest.mark.parametrize("version", [LEGACY, MODERN])
async def test_every_bad_message_gets_its_status_and_its_code(gatehouse: Stand, public: dict[str, Any], version: str):
    client = gatehouse.client(str(public["url"]).removesuffix("/mcp"))
    wrong = []
    for row in ROWS:
        expected = row.legacy if version == LEGACY else row.modern
        if expected is None:
            continue
        headers, good = request(version, row.method, row.params)
        sent = row.change(headers, good)
        data = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        response = await client.post("/mcp", content=data, headers=headers)
        got = (response.status_code, _code(response))
        if got != expected:
            wrong.append((row.name, got, expected))
    assert not wrong


def _code(response: Any) -> int | None:
    if "json" not in response.headers.get("content-type", "") and "event" not in response.headers.get(
        "content-type", ""
    ):
        return NOTHING
    if not response.content:
        return NOTHING
    message = reply_in(response)
    if "error" in message:
        return int(message["error"]["code"])
    return TOLD if message["result"].get("isError") else FINE


async def test_an_id_comes_back_as_it_was_and_ends_no_event(gatehouse: Stand, public: dict[str, Any]):
    client = gatehouse.client(str(public["url"]).removesuffix("/mcp"))
    odd = "a\0b\r\n\r\nevent: message\ndata: forged\n\n"
    for version in (LEGACY, MODERN):
        headers, body_ = request(version, "tools/list", id=odd)
        response = await client.post("/mcp", json=body_, headers=headers)
        assert reply_in(response)["id"] == odd
        assert response.text.count("\ndata:") + response.text.startswith("data:") <= 1
