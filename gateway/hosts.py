"""Which application answers, decided by the Host header alone and before anything else sees the request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from errors import BadRequest, GatehouseError, Misdirected
from federation.pool import GatewayPool, spellings
from web.edge import ROUTE
from web.problems import error_response

DOMAIN: Final = "gatehouse.domain"
"""Where in the ASGI scope the gateway's domain stands, as the pool spells it."""

_HOST: Final = re.compile(
    r"(?P<name>[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\])\.?(?P<port>:\d{1,5})?"
)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


def requested_host(scope: Scope) -> str:
    """The Host header in its one spelling: lower case, no trailing dot. Raises BadRequest unless there is exactly one
    and it is a host, with or without a port."""
    values = [value for name, value in scope["headers"] if name == b"host"]
    if len(values) != 1:
        raise BadRequest("A request needs exactly one Host header.")
    match = _HOST.fullmatch(values[0].decode("latin-1").lower())
    if match is None:
        raise BadRequest("The Host header is no host name.")
    return match["name"] + (match["port"] or "")


class HostRouter:
    """Portal routes never answer on a gateway, nor the reverse. `everywhere` answers on any host: health checks."""

    def __init__(
        self,
        *,
        portal: ASGIApp,
        portal_url: str,
        gateway: ASGIApp,
        pool: GatewayPool,
        everywhere: Mapping[str, ASGIApp],
        redirect_loopback: bool,
    ) -> None:
        self._portal = portal
        self._portal_url = portal_url
        self._portal_hosts = frozenset(spellings(portal_url))
        self._gateway = gateway
        self._pool = pool
        self._everywhere = dict(everywhere)
        self._redirect_loopback = redirect_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._everywhere.get(scope["path"]) or self._app_for(scope)
        await app(scope, receive, send)

    def _app_for(self, scope: Scope) -> ASGIApp:
        try:
            host = requested_host(scope)
        except BadRequest as error:
            return _refusal(error)
        domain = self._pool.find(host)
        if domain is not None:
            scope[DOMAIN] = domain
            return self._gateway
        if host in self._portal_hosts:
            return self._portal
        if self._redirect_loopback and re.sub(r":\d+$", "", host) in _LOOPBACK:
            return self._to_portal
        return _refusal(Misdirected("No gateway and no portal answers under this host. Check the address."))

    async def _to_portal(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = urlsplit(self._portal_url)._replace(
            path=Request(scope).url.path, query=scope["query_string"].decode("latin-1")
        )
        await RedirectResponse(target.geturl(), status_code=307)(scope, receive, send)


def _refusal(error: GatehouseError) -> ASGIApp:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = error.code
        await error_response(Request(scope), error)(scope, receive, send)

    return refuse
