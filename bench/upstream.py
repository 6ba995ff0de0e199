"""Stands in for a vendor: an HTTP server on loopback that answers after a while, or never, or with an error."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import Final
from urllib.parse import parse_qs, urlencode

from starlette.types import Receive, Scope, Send

from bench.hits import hits_of, plain
from bench.processes import Tell
from bench.sockets import listening, serve_app

HANGS: Final = "hangs"
FAILS: Final = "fails"


def address_of(origin: str, name: str, *, hits: int = 5, delay_ms: int = 0, fault: str = "") -> str:
    """The address that answers as this one source."""
    return f"{origin}/search?{urlencode({'name': name, 'hits': hits, 'delay_ms': delay_ms, 'fault': fault})}"


def serve_upstream(tell: Tell[str]) -> None:
    """Tells its origin, and serves until SIGTERM."""
    with listening() as opened:
        serve_app(_answer, opened, lambda: tell(f"http://127.0.0.1:{opened.getsockname()[1]}"))


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    wanted = parse_qs(scope["query_string"].decode("ascii"))
    fault = wanted.get("fault", [""])[0]
    if fault == HANGS:
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    await asyncio.sleep(int(wanted["delay_ms"][0]) / 1000)
    status, body = (500, b"{}") if fault == FAILS else (200, _body(wanted["name"][0], int(wanted["hits"][0])))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@cache
def _body(name: str, hits: int) -> bytes:
    return json.dumps([plain(hit) for hit in hits_of(name, hits)]).encode()
