"""What the rest of the program is given: clients that cannot leave their policy."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import timedelta
from functools import cache

import httpx
import httpx2
from requests.adapters import HTTPAdapter

from errors import SourceUnavailable
from services.egress.addresses import AddressRange
from services.egress.blocking import GuardedAdapter
from services.egress.classic import ClassicTransport
from services.egress.guard import Guard, Network
from services.egress.policy import HostPolicy
from services.egress.transport import GuardedTransport

CONNECT_TIMEOUT = timedelta(seconds=5)
READ_TIMEOUT = timedelta(seconds=30)
"""Between two pieces of an answer; how long a call may take in all is its caller's business."""
_CONNECT_S = CONNECT_TIMEOUT.total_seconds()
_READ_S = READ_TIMEOUT.total_seconds()


class Egress:
    """The guard of every outgoing connection. Without arguments it lets public addresses through and nothing else.

    Its clients raise SourceUnavailable for what may not be reached, before or instead of connecting. Certificates are
    always checked, proxies and credentials of the environment are not taken, and redirects lead only where the policy
    says so, without credentials when the origin changes. Close what you are given."""

    def __init__(
        self,
        *,
        allowed: Sequence[AddressRange] = (),
        ours: Sequence[tuple[str, int]] = (),
        network: Network | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`allowed`: ranges that the operator opens beside the public ones. `ours`: host and port of the gateway's own
        database and the like, closed even inside them. `tls`: other trust than the system's."""
        self._guard = Guard(allowed=allowed, ours=ours, network=network or Network())
        self._tls = tls or _system_trust()

    def client(self, policy: HostPolicy) -> httpx2.AsyncClient:
        """The client to use wherever one can choose."""
        timeout = httpx2.Timeout(_READ_S, connect=_CONNECT_S)
        return httpx2.AsyncClient(transport=self._transport(policy), timeout=timeout, trust_env=False)

    def httpx_client(self, policy: HostPolicy) -> httpx.AsyncClient:
        """For libraries that insist on classic httpx."""
        timeout = httpx.Timeout(_READ_S, connect=_CONNECT_S)
        return httpx.AsyncClient(transport=ClassicTransport(self._transport(policy)), timeout=timeout, trust_env=False)

    def requests_adapter(self, policy: HostPolicy) -> HTTPAdapter:
        """For blocking libraries: to be mounted on `https://` and `http://`. Set the session's `trust_env` to False, or
        it puts credentials of a .netrc file into requests, which an adapter cannot tell from ours. Safe to share
        between threads."""
        return GuardedAdapter(self._guard, policy, self._tls, default_timeout_s=(_CONNECT_S, _READ_S))

    async def pin(self, host: str, port: int) -> str:
        """The address to dial for this user-chosen host, for drivers that open their own connections; ask again for
        every one. The certificate must still be checked against the host's name. Raises SourceUnavailable."""
        try:
            return await self._guard.pinned(host, port)
        except OSError as error:
            raise SourceUnavailable("The host name was not found.") from error

    def _transport(self, policy: HostPolicy) -> GuardedTransport:
        return GuardedTransport(self._guard, policy, self._tls)


@cache
def _system_trust() -> ssl.SSLContext:
    """Made once: reading the system's certificates takes 20 ms, and there is a client per source."""
    return httpx2.create_ssl_context()
