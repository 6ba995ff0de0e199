"""The asynchronous transport: it looks at every request, follows redirects itself and dials vetted addresses."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence

import anyio
import httpcore2
import httpx2

from errors import SourceUnavailable
from services.egress.guard import NOT_FOLLOWED, Guard
from services.egress.policy import HostPolicy, Target
from services.egress.redirects import FOLLOWED_STATUSES, check_hop, travels

MOST_CONNECTIONS = 20
KEEPALIVE_S = 30.0


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """httpx2's own transport over a connection pool that cannot dial anything unvetted."""

    def __init__(self, guard: Guard, policy: HostPolicy, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)
        # httpx2 offers no parameter for it. Should the attribute be called something else one day, requests would go
        # out unguarded: better not to start.
        if not isinstance(self._pool, httpcore2.AsyncConnectionPool):
            raise TypeError("this release of httpx2 keeps its connection pool somewhere else")
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=GuardedBackend(guard, policy),
        )
        self._guard = guard
        self._policy = policy

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._guard.admit(self._policy, _target(request.url))
        response = await super().handle_async_request(request)
        hops = 0
        while response.status_code in FOLLOWED_STATUSES and "location" in response.headers:
            await response.aclose()
            request = self._next(request, response.headers["location"], hops)
            response = await super().handle_async_request(request)
            hops += 1
        return response

    def _next(self, request: httpx2.Request, location: str, hops: int) -> httpx2.Request:
        try:
            url = request.url.join(location)
        except httpx2.InvalidURL as error:
            raise SourceUnavailable(NOT_FOLLOWED) from error
        target = _target(url)
        check_hop(self._policy, method=request.method, target=target, hops=hops)
        same_origin = target == _target(request.url)
        headers = [(name, value) for name, value in request.headers.items() if travels(name, same_origin=same_origin)]
        return httpx2.Request(request.method, url, headers=headers, extensions=request.extensions)


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections by vetted address; the name stays with the TLS handshake and the Host header."""

    def __init__(self, guard: Guard, policy: HostPolicy) -> None:
        self._guard = guard
        self._policy = policy

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore2
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            with anyio.fail_after(timeout):
                addresses = await self._guard.addresses(self._policy, host, port)
                return await self._first_to_answer(addresses, port, timeout)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("the host did not answer in time") from error
        except OSError as error:
            raise httpcore2.ConnectError("the host name was not found") from error

    async def _first_to_answer(
        self, addresses: Sequence[str], port: int, timeout_s: float | None
    ) -> httpcore2.AsyncNetworkStream:
        share_s = None if timeout_s is None else timeout_s / len(addresses)
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._guard.network.backend.connect_tcp(address, port, timeout=share_s)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        if isinstance(failure, httpcore2.ConnectTimeout):
            raise httpcore2.ConnectTimeout("the host did not answer in time") from failure
        raise httpcore2.ConnectError("the host refused the connection") from failure

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


def _target(url: httpx2.URL) -> Target:
    return Target.of(url.scheme, url.raw_host.decode("ascii"), url.port)
