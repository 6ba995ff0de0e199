"""Right answers spoilt on their way, and connections that break."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, cast

from starlette.types import Message, Scope, Send

from sandbox.faults import Fault

CONNECTION: Final = "sandbox.connection"
"""The key of the ASGI extension under which `sandbox.server` hands over the connection itself, an asyncio.Transport."""

_PAGE: Final = b"<!doctype html><title>Sign in</title><p>Your network asks you to sign in before you go on.</p>"
_GONE_S: Final = 1.0
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER with no time left: closing sends RST


class Reply:
    """Passes an answer on and knows how far it got."""

    def __init__(self, send: Send, answered: Callable[[int], None]) -> None:
        self._send = send
        self.answered = answered
        """Told the status before anything is sent, so that who reads the answer finds it counted."""
        self.complete = False
        """Whether it was sent as it was meant to be; if not, its caller left."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.answered(message["status"])
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.complete = True


@dataclass(slots=True)
class _Answer:
    """An answer as it was meant."""

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message["headers"])
        else:
            self.body += message.get("body", b"")


async def spoil(fault: Fault, scope: Scope, serve: Callable[[Send], Awaitable[None]], reply: Reply) -> None:
    """Answers in the fault's way. `serve` gives the right answer to the `send` it is handed."""
    if fault.kind == "hung":
        await asyncio.Event().wait()
    elif fault.kind == "refused":
        await _reset(scope, reply)
    elif fault.kind in {"wrong-type", "not-json"}:
        await _send_page(b"text/html; charset=utf-8" if fault.kind == "wrong-type" else b"application/json", reply)
    else:
        answer = _Answer()
        await serve(answer.send)
        if fault.kind == "drip":
            await _drip(answer, fault.pace_s, reply)
        elif fault.kind == "cut":
            await _cut(answer, scope, reply)
        else:
            await _slow_head(answer, fault.pace_s, scope, reply)


async def _send_page(content_type: bytes, reply: Reply) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(_PAGE)).encode())]
    await reply.send({"type": "http.response.start", "status": 200, "headers": headers})
    await reply.send({"type": "http.response.body", "body": _PAGE})


async def _drip(answer: _Answer, pace_s: float, reply: Reply) -> None:
    await reply.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    for number in answer.body:
        await asyncio.sleep(pace_s)
        await reply.send({"type": "http.response.body", "body": bytes([number]), "more_body": True})
    await reply.send({"type": "http.response.body", "body": b""})


async def _cut(answer: _Answer, scope: Scope, reply: Reply) -> None:
    await reply.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    half = bytes(answer.body[: len(answer.body) // 2])
    await reply.send({"type": "http.response.body", "body": half, "more_body": True})
    reply.complete = True
    connection = _connection(scope)
    connection.close()
    await _gone()


async def _slow_head(answer: _Answer, pace_s: float, scope: Scope, reply: Reply) -> None:
    """Writes the head ourselves where there is a connection; otherwise it comes late and whole."""
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}".encode()]
    lines += [name + b": " + value for name, value in answer.headers] + [b"connection: close", b""]
    if _find_connection(scope) is None:
        await asyncio.sleep(pace_s * len(lines))
        await reply.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await reply.send({"type": "http.response.body", "body": bytes(answer.body)})
        return
    connection = _connection(scope)
    reply.answered(answer.status)
    for line in lines:
        await asyncio.sleep(pace_s)
        connection.write(line + b"\r\n")
    connection.write(bytes(answer.body))
    reply.complete = True
    connection.close()
    await _gone()


async def _reset(scope: Scope, reply: Reply) -> None:
    reply.complete = True
    connection = _connection(scope)
    opened = cast("socket.socket", connection.get_extra_info("socket"))
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.abort()
    await _gone()


async def _gone() -> None:
    """Waits to be cancelled, once the server sees that the connection has ended: it takes silence before that amiss."""
    await asyncio.sleep(_GONE_S)


def _find_connection(scope: Scope) -> asyncio.Transport | None:
    return cast("asyncio.Transport | None", scope.get("extensions", {}).get(CONNECTION))


def _connection(scope: Scope) -> asyncio.Transport:
    """Raises ConnectionResetError where there is no socket: in process, that is how a connection breaks."""
    connection = _find_connection(scope)
    if connection is None:
        raise ConnectionResetError("the sandbox broke the connection, as it was told to")
    return connection
