"""Requests of people and programs that have not said who they are count for where they come from."""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.rates import Rates
from errors import TooManyRequests
from web.problems import error_response


class CountStrangers:
    """A request with a session is left to the doorkeeper, which counts it for its account, or for its address if the
    session is none. `open_paths` ask nobody who they are, so a made-up session changes nothing there. `client_paths`
    are where programs come for many people, from few addresses."""

    def __init__(
        self, app: ASGIApp, rates: Rates, *, cookie: str, open_paths: Collection[str], client_paths: Collection[str]
    ) -> None:
        self._app = app
        self._rates = rates
        self._cookie = cookie
        self._open_paths = frozenset(open_paths)
        self._client_paths = frozenset(client_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http":
            request = Request(scope)
            try:
                await self._count(request)
            except TooManyRequests as error:
                app = error_response(request, error)
        await app(scope, receive, send)

    async def _count(self, request: Request) -> None:
        """Raises TooManyRequests."""
        path, address = request.scope["path"], request.client.host if request.client else ""
        if path in self._client_paths:
            await self._rates.client(address)
        elif path in self._open_paths or not self._has_session(request):
            await self._rates.stranger(address)

    def _has_session(self, request: Request) -> bool:
        return "authorization" in request.headers or self._cookie in request.cookies
