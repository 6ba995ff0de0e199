"""The guard for blocking clients: an adapter of requests whose connections dial vetted addresses."""

from __future__ import annotations

import functools
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from errors import EgressRefused, SourceUnavailable
from services.egress.guard import NOT_ADMITTED, NOT_FOLLOWED, Guard
from services.egress.policy import HostPolicy, Target
from services.egress.redirects import FOLLOWED_STATUSES, check_hop, travels

MOST_CONNECTIONS = 20

Dial = Callable[[str, int, float | None], socket.socket]
"""From host, port and seconds to a connected socket. Raises EgressRefused, or OSError."""


class GuardedAdapter(HTTPAdapter):
    """Looks at every request, follows redirects itself, takes no proxy and always checks certificates."""

    def __init__(
        self, guard: Guard, policy: HostPolicy, tls: ssl.SSLContext, *, default_timeout_s: tuple[float, float]
    ) -> None:
        self._guard = guard
        self._policy = policy
        self._tls = tls
        self._default_timeout_s = default_timeout_s
        super().__init__(pool_connections=MOST_CONNECTIONS, pool_maxsize=MOST_CONNECTIONS)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        self.poolmanager = _GuardedPools(self._dial, num_pools=connections, maxsize=maxsize, ssl_context=self._tls)

    def cert_verify(self, conn: Any, url: str, verify: object, cert: object) -> None:
        """Leaves trust to the context we were given, whatever the session was told."""
        conn.cert_reqs = "CERT_REQUIRED"

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: str | bytes | tuple[str | bytes, str | bytes] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        ask = functools.partial(super().send, stream=stream, timeout=self._timeout(timeout))
        self._guard.admit(self._policy, _target(request.url or ""))
        response = ask(request)
        hops = 0
        while response.status_code in FOLLOWED_STATUSES and "location" in response.headers:
            response.close()
            request = self._next(request, response.headers["location"], hops)
            response = ask(request)
            hops += 1
        return response

    def _timeout(self, given: float | tuple[float | None, float | None] | None) -> tuple[float, float]:
        connect_s, read_s = given if isinstance(given, tuple) else (given, given)
        default_connect_s, default_read_s = self._default_timeout_s
        return connect_s or default_connect_s, read_s or default_read_s

    def _next(self, request: PreparedRequest, location: str, hops: int) -> PreparedRequest:
        hop = request.copy()
        try:
            hop.prepare_url(urljoin(request.url or "", location), None)
        except (RequestException, ValueError) as error:
            raise SourceUnavailable(NOT_FOLLOWED) from error
        target = _target(hop.url or "")
        check_hop(self._policy, method=request.method or "", target=target, hops=hops)
        same_origin = target == _target(request.url or "")
        for name in list(hop.headers):
            if not travels(name, same_origin=same_origin):
                del hop.headers[name]
        return hop

    def _dial(self, host: str, port: int, timeout_s: float | None) -> socket.socket:
        addresses = self._guard.resolve_for(self._policy, host, port)
        share_s = None if timeout_s is None else timeout_s / len(addresses)
        failure: OSError | None = None
        for address in addresses:
            try:
                return self._guard.network.connect((address, port), share_s)
            except OSError as error:
                failure = error
        raise failure or OSError("the host has no address")


class _GuardedPools(PoolManager):
    """Pools whose connections are opened by our dialler; `_new_pool` is where urllib3 wants pools to be customised."""

    def __init__(self, dial: Dial, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._dial = dial

    def _new_pool(
        self, scheme: str, host: str, port: int, request_context: dict[str, Any] | None = None
    ) -> HTTPConnectionPool:
        pool = super()._new_pool(scheme, host, port, request_context)
        kind = _GuardedHTTPSConnection if scheme == "https" else _GuardedHTTPConnection
        pool.ConnectionCls = functools.partial(kind, self._dial)  # type: ignore[assignment] # called, never subclassed
        return pool


class _GuardedHTTPConnection(HTTPConnection):
    def __init__(self, dial: Dial, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._dial = dial

    def _new_conn(self) -> socket.socket:
        return _open(self, self._dial)


class _GuardedHTTPSConnection(HTTPSConnection):
    def __init__(self, dial: Dial, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._dial = dial

    def _new_conn(self) -> socket.socket:
        return _open(self, self._dial)


def _open(connection: HTTPConnection, dial: Dial) -> socket.socket:
    timeout_s = connection.timeout if isinstance(connection.timeout, int | float) else None
    try:
        opened = dial(connection.host, connection.port, timeout_s)
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, "the host did not answer in time") from error
    except OSError as error:
        raise NewConnectionError(connection, "the host cannot be reached") from error
    opened.settimeout(timeout_s)
    for option in connection.socket_options or ():
        opened.setsockopt(*option)
    return opened


def _target(url: str) -> Target:
    try:
        parts = urlsplit(url)
        return Target.of(parts.scheme, parts.hostname or "", parts.port)
    except ValueError as error:
        raise EgressRefused(NOT_ADMITTED) from error
