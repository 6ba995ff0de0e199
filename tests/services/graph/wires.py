"""Clients that lead to a stand-in, and remember what was sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import httpx2
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.credentials import DEMO
from services.graph.entra import EntraApp, EntraSignIn
from services.graph.mailbox import Mailbox

APP = EntraApp(
    tenant_id=DEMO.entra.tenant_id,
    client_id=DEMO.entra.client_id,
    client_secret=SecretStr(DEMO.entra.client_secret),
)
ORIGIN = "http://vendor.test"

Answer = Callable[[Request], Awaitable[Response] | Response]


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it left us."""

    method: str
    url: str
    headers: httpx.Headers
    body: bytes


class Recording(httpx.AsyncBaseTransport):
    """Hands requests on to an ASGI app."""

    def __init__(self, app: ASGIApp) -> None:
        self._inner = httpx.ASGITransport(app)
        self.sent: list[Sent] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(Sent(request.method, str(request.url), request.headers, await request.aread()))
        return await self._inner.handle_async_request(request)


class SignInRecording(httpx2.AsyncBaseTransport):
    """The same for the client that signs in."""

    def __init__(self, app: ASGIApp) -> None:
        self._inner = httpx2.ASGITransport(app)
        self.sent: list[Sent] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = httpx.Headers(request.headers.raw)
        self.sent.append(Sent(request.method, str(request.url), headers, await request.aread()))
        return await self._inner.handle_async_request(request)


@dataclass
class ScriptedGraph:
    """Answers what a test says; token requests are granted unless it says otherwise. `requests` holds all of them."""

    answer: Answer
    token: Answer = lambda _request: JSONResponse({"token_type": "Bearer", "expires_in": 3599, "access_token": "t-1"})
    requests: list[Request] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        is_token = scope["path"].endswith("/token")
        if not is_token:
            self.requests.append(request)
        said = (self.token if is_token else self.answer)(request)
        response = said if isinstance(said, Response) else await said
        await response(scope, receive, send)


def utc_now() -> datetime:
    return datetime.now(UTC)


def open_mailbox(
    app: ASGIApp,
    *,
    user: str = DEMO.entra.user,
    prefix: str = "",
    signing_in_as: EntraApp = APP,
    clock: Callable[[], datetime] = utc_now,
    timeout: timedelta = timedelta(seconds=5),
) -> tuple[Mailbox, Recording]:
    """A mailbox behind an app in this process. `prefix`: "" where the app is Graph, "/graph" for the sandbox."""
    recording = Recording(app)
    sign_in_http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app))
    mailbox = Mailbox(
        user=user,
        http=httpx.AsyncClient(transport=recording),
        base_url=f"{ORIGIN}{prefix}",
        sign_in=EntraSignIn(sign_in_http, f"{ORIGIN}/entra", signing_in_as),
        clock=clock,
        timeout=timeout,
    )
    return mailbox, recording
