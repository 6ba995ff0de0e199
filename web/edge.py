"""The outermost layer: every request gets an id and a line in the log, every reply its safety headers."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.headers import safety_headers

log = structlog.get_logger()

Network = IPv4Network | IPv6Network

OUR_FAULT: Final = "This is our fault, and it was logged. Try again, or report the request id."
ROUTE: Final = "gatehouse.route"
"""Where in the ASGI scope an application names what it served, if it has no routes of a framework."""

UNLOGGED: Final = "gatehouse.unlogged"
"""Set in the ASGI scope of a request that gets no line of its own in the log, because one line tells of many such."""

_REQUEST_ID: Final = "gatehouse.request_id"
_FORWARDED_SCHEMES: Final = frozenset({"http", "https"})
_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]")


def request_id(scope: Scope) -> str | None:
    """What ties a reply to the log."""
    return scope.get(_REQUEST_ID)


class Edge:
    """Logs host, method, route, status and time; never a query, a body or a header's content."""

    def __init__(self, app: ASGIApp, *, trusted_proxies: Sequence[Network], strict_transport: bool) -> None:
        self._app = app
        self._trusted = tuple(trusted_proxies)
        safety = safety_headers(strict_transport=strict_transport)
        self._safety = [(name.lower().encode(), value.encode()) for name, value in safety.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        scope = self._seen_through_proxies(_without_outer_blanks(scope))
        id_ = scope[_REQUEST_ID] = secrets.token_hex(8)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._completed(message.get("headers", ()), id_)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=id_):
            try:
                await self._app(scope, receive, send_with_headers)
            except Exception:  # the top-level reply: nothing above could answer
                log.exception("request.bug", method=scope["method"], path=scope["path"])
                if status == 0:
                    await _apologise(send_with_headers, id_)
            finally:
                if UNLOGGED not in scope:
                    _log_access(scope, status, started)

    def _completed(self, headers: Iterable[tuple[bytes, bytes]], id_: str) -> list[tuple[bytes, bytes]]:
        """With the request's id, and with the safety headers that the application did not set itself."""
        completed = [*headers, (b"x-request-id", id_.encode())]
        own = {name.lower() for name, _ in completed}
        return completed + [header for header in self._safety if header[0] not in own]

    def _seen_through_proxies(self, scope: Scope) -> Scope:
        """The scope as the first trusted proxy saw it: its client's address, scheme and host. One value of each is
        believed; from anybody else the headers mean nothing."""
        client = scope.get("client")
        if client is None or not self._is_trusted(client[0]):
            return scope
        scope = dict(scope)
        headers = Headers(scope=scope)
        forwarded_for = [part.strip() for part in headers.get("x-forwarded-for", "").split(",")]
        address = next((part for part in reversed(forwarded_for) if part and not self._is_trusted(part)), None)
        if address is not None and _is_address(address):
            scope["client"] = (address, 0)
        if headers.get("x-forwarded-proto") in _FORWARDED_SCHEMES:
            scope["scheme"] = headers["x-forwarded-proto"]
        hosts = headers.getlist("x-forwarded-host")
        if len(hosts) == 1 and "," not in hosts[0]:
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope["headers"] = [*others, (b"host", hosts[0].encode("latin-1"))]
        return scope

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _without_outer_blanks(scope: Scope) -> Scope:
    """The blanks around a header's value are no part of it (RFC 9110, section 5.5); httptools leaves some."""
    return {**scope, "headers": [(name, value.strip(b" \t")) for name, value in scope["headers"]]}


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


async def _apologise(send: Send, id_: str) -> None:
    body = (
        f'{{"type":"urn:gatehouse:error","title":"Something went wrong","status":500,'
        f'"detail":"{OUR_FAULT}","request_id":"{id_}"}}'
    )
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": HTTPStatus.INTERNAL_SERVER_ERROR, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


def _log_access(scope: Scope, status: int, started: float) -> None:
    log.info(
        "request",
        host=_UNPRINTABLE.sub("?", _host(scope))[:100],
        method=scope["method"],
        route=scope.get(ROUTE) or _route(scope),
        status=status,
        took_ms=round((time.perf_counter() - started) * 1000, 1),
    )


def _host(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")


def _route(scope: Scope) -> str:
    """The path with the names of its parameters instead of what was asked for; "-" for a path that nothing serves."""
    if "endpoint" not in scope:
        return "-"
    path: str = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        path = path.replace(str(value), f"{{{name}}}")
    return path
