"""Asks MCP servers questions over keep-alive connections and takes the time. It spends some 30 us on a request, so that
what is measured is the server; requests are written and replies read as bytes."""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from mcp_types.version import LATEST_MODERN_VERSION

from bench.hits import question

MODERN: Final = LATEST_MODERN_VERSION
_OK: Final = b"HTTP/1.1 200"
_END_OF_HEAD: Final = b"\r\n\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"
_LENGTH: Final = b"content-length: "
_SILENT_S: Final = 60.0
_PIECE_BYTES: Final = 1 << 18


class BadReply(Exception):
    """A server under load said something else than an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searches:
    """What is asked of one MCP server."""

    host: str
    key: str | None
    version: str = MODERN
    question: Callable[[int], str] = question
    """What is asked each time, by number."""

    def request(self, number: int) -> bytes:
        """One search as it goes over the wire."""
        params: dict[str, Any] = {"name": "search", "arguments": {"query": self.question(number)}}
        head = [
            "POST /mcp HTTP/1.1",
            f"Host: {self.host}",
            "Accept: application/json, text/event-stream",
            "Content-Type: application/json",
            f"MCP-Protocol-Version: {self.version}",
        ]
        if self.key is not None:
            head.append(f"Authorization: Bearer {self.key}")
        if self.version == MODERN:
            head += ["Mcp-Method: tools/call", "Mcp-Name: search"]
            params["_meta"] = {
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            }
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
        return "\r\n".join([*head, f"Content-Length: {len(body)}", "", body]).encode("ascii")


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: how long it took from the first byte of the request to the last of the reply."""

    took_ms: float
    raw: bytes

    @property
    def is_ok(self) -> bool:
        """Whether its status is 200."""
        return self.raw.startswith(_OK)

    def answer(self) -> dict[str, Any]:
        """The search answer. Raises BadReply for anything else than one, and for one without a single hit."""
        body = self.raw.partition(_END_OF_HEAD)[2]
        line = next((line for line in body.splitlines() if line.startswith((b"{", b"data: {"))), b"{}")
        message: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
        try:
            answer: dict[str, Any] = message["result"]["structuredContent"]
        except KeyError as error:
            raise BadReply("a reply without an answer") from error
        if not answer["results"]:
            raise BadReply(f"an answer without hits: {answer['sources']}")
        return answer


def ask(address: tuple[str, int], requests: Iterable[bytes], *, connections: int) -> Generator[Reply]:
    """Sends every request, at most so many at a time and one per connection, and gives the replies as they come; close
    the iterator to stop early. Raises BadReply for a status that is not 200."""
    waiting = iter(requests)
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        for request in islice(waiting, connections):
            connection = Connection(stack.enter_context(connected(address)))
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(request)
        while selector.get_map():
            ready = selector.select(_SILENT_S)
            if not ready:
                raise BadReply(f"a server was silent for {_SILENT_S:g} s")
            for key, _ in ready:
                reply = key.data.receive()
                if reply is None:
                    continue
                if not reply.is_ok:
                    raise BadReply(f"a server answered {reply.raw[:40]!r}")
                following = next(waiting, None)
                if following is None:
                    selector.unregister(key.fileobj)
                else:
                    key.data.send(following)
                yield reply


@dataclass(slots=True)
class Connection:
    """One keep-alive connection with at most one request under way."""

    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def send(self, request: bytes) -> None:
        self.received.clear()
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> Reply | None:
        """The reply, whatever its status, once it is complete. Raises BadReply where the connection ends before."""
        piece = self.socket.recv(_PIECE_BYTES)
        if not piece:
            raise BadReply("the server closed the connection")
        self.received += piece
        if not _is_complete(self.received):
            return None
        return Reply((time.perf_counter() - self.sent_at) * 1000, bytes(self.received))


def connected(address: tuple[str, int]) -> socket.socket:
    """A connection that sends at once."""
    opened = socket.create_connection(address, timeout=_SILENT_S)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def _is_complete(received: bytearray) -> bool:
    end = received.find(_END_OF_HEAD)
    if end < 0:
        return False
    head = received[: end + 2].lower()
    start = head.find(_LENGTH)
    if start < 0:
        return received.endswith(_LAST_CHUNK)
    length = int(head[start + len(_LENGTH) : head.index(b"\r\n", start)])
    return len(received) >= end + len(_END_OF_HEAD) + length
