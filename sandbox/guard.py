"""Stands before each vendor: counts requests, lets them in or not, takes time, makes the trouble that was ordered."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from sandbox.behaviour import Behaviour
from sandbox.faults import Faults
from sandbox.traffic import Traffic
from sandbox.trouble import Reply, spoil
from sandbox.vendor import Refusal, Vendor


class Guard:
    """One vendor as an ASGI app. A caller that leaves stops the work on its answer, and is counted."""

    def __init__(self, vendor: Vendor, *, traffic: Traffic, faults: Faults, behaviour: Behaviour) -> None:
        self._vendor = vendor
        self._app = vendor.app()
        self._traffic = traffic
        self._faults = faults
        self._behaviour = behaviour

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._vendor.route_name(scope)
        with self._traffic.request(self._vendor.source, route):
            body = await _read(receive)
            reply = Reply(send, partial(self._traffic.answered, self._vendor.source))
            try:
                await _unless_left(self._answer(scope, route, body, reply), receive)
            finally:
                if not reply.complete:
                    self._traffic.abandoned(self._vendor.source)

    async def _answer(self, scope: Scope, route: str, body: bytes, reply: Reply) -> None:
        fault = self._faults.take(self._vendor.source, route)
        if fault is None:
            await self._serve(scope, route, body, reply.send)
        elif fault.status is not None:
            wait_s = fault.retry_after_s if fault.kind == "429" else None
            await self._vendor.refuse(fault.status, wait_s)(scope, _replay(body), reply.send)
        else:

            async def serve(send: Send) -> None:
                await self._serve(scope, route, body, send)

            await spoil(fault, scope, serve, reply)

    async def _serve(self, scope: Scope, route: str, body: bytes, send: Send) -> None:
        receive = _replay(body)
        try:
            with self._vendor.admit(Request(scope), route):
                await asyncio.sleep(self._behaviour.latency.total_seconds())
                await self._app(scope, receive, send)
        except Refusal as refusal:
            await refusal.response(scope, receive, send)


async def _read(receive: Receive) -> bytes:
    """The request's whole body; requests to these vendors are small."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes) -> Receive:
    """A `receive` that gives this body, and then waits like one whose caller stays."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return receive


async def _unless_left(work: Coroutine[None, None, None], receive: Receive) -> None:
    """Does the work until it is done or the caller has gone."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)
    if not working.cancelled():
        working.result()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
