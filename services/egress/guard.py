"""Turns a host into the addresses that may be dialled for it, or refuses."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import anyio
import anyio.to_thread
import httpcore2

from errors import EgressRefused
from services.egress.addresses import Address, AddressRange, is_forbidden, is_inside, is_loopback, is_public, parse
from services.egress.policy import HTTPS_PORT, HostPolicy, Target, is_host, is_localhost

MOST_ADDRESSES = 4
"""So many addresses of one host are tried before the connection fails."""
_RESOLVING_THREADS = 32
_FIRST_UNPRIVILEGED_PORT = 1024
_LAST_PORT = 65535

NOT_ADMITTED = "This address is not one that this connection may go to."
NOT_PUBLIC = "The host leads into a private network. The operator can open it by adding its range to EGRESS_ALLOW."
NOT_A_HOST = "The host must be a plain DNS name or an IP address."
NOT_A_PORT = "The port must be 443, or 1024 and above."
NOT_FOLLOWED = "The service sent us on to an address that this connection may not go to."
OURS = "The host leads to one of the gateway's own services."


def system_addresses(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says, in the order in which to try. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def system_connection(address: tuple[str, int], timeout_s: float | None) -> socket.socket:
    """A connected TCP socket. Raises OSError."""
    return socket.create_connection(address, timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How names become addresses and addresses connections: the system's ways, unless others are handed in."""

    resolve: Callable[[str, int], Sequence[str]] = system_addresses
    connect: Callable[[tuple[str, int], float | None], socket.socket] = system_connection
    """For blocking clients."""
    backend: httpcore2.AsyncNetworkBackend = field(default_factory=httpcore2.AnyIOBackend)
    """For asynchronous ones."""


class Guard:
    """The rules of one process. `allowed` are the operator's own ranges; `ours` the hosts and ports of what belongs to
    the gateway itself, which stay closed to `pinned` and to user-chosen hosts even inside those ranges."""

    def __init__(self, *, allowed: Sequence[AddressRange], ours: Sequence[tuple[str, int]], network: Network) -> None:
        self.network = network
        self._allowed = tuple(allowed)
        self._ours = tuple(ours)
        # Slow name servers may fill these threads, but none that anything else waits for.
        self._threads = anyio.CapacityLimiter(_RESOLVING_THREADS)

    def admit(self, policy: HostPolicy, target: Target) -> None:
        """Raises EgressRefused where the policy has no room for this request."""
        if not policy.admits(target):
            raise EgressRefused(NOT_ADMITTED)

    async def addresses(self, policy: HostPolicy, host: str, port: int) -> Sequence[str]:
        """As `resolve_for`, without blocking the event loop."""
        ask = functools.partial(self.resolve_for, policy, host, port)
        return await anyio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=self._threads)

    def resolve_for(self, policy: HostPolicy, host: str, port: int) -> Sequence[str]:
        """The addresses to dial, in this order, at least one. Raises EgressRefused for what may not be reached, and
        OSError for a name that cannot be resolved."""
        host = host.lower().strip("[]")
        if not policy.dials(host, port):
            raise EgressRefused(NOT_ADMITTED)
        if policy.names_address(host, port):
            return self._as_written(host, port)
        return self._vetted(host, port)

    async def pinned(self, host: str, port: int) -> str:
        """One address for a driver that dials by itself. Raises as `resolve_for` does."""
        if port != HTTPS_PORT and not _FIRST_UNPRIVILEGED_PORT <= port <= _LAST_PORT:
            raise EgressRefused(NOT_A_PORT)
        ask = functools.partial(self._vetted, host.lower().strip("[]"), port)
        return (await anyio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=self._threads))[0]

    def _as_written(self, host: str, port: int) -> Sequence[str]:
        addresses = self._resolved(host, port)
        strays = is_localhost(host) and not all(is_loopback(address) for address in addresses)
        if strays or any(is_forbidden(address) for address in addresses):
            raise EgressRefused(NOT_ADMITTED)
        return [str(address) for address in addresses[:MOST_ADDRESSES]]

    def _vetted(self, host: str, port: int) -> Sequence[str]:
        if parse(host) is None and not is_host(host):
            raise EgressRefused(NOT_A_HOST)
        addresses = self._resolved(host, port)
        if not all(self._is_open(address) for address in addresses):
            raise EgressRefused(NOT_PUBLIC)
        own = self._ours_at(port)
        if any(address in own for address in addresses):
            raise EgressRefused(OURS)
        return [str(address) for address in addresses[:MOST_ADDRESSES]]

    def _is_open(self, address: Address) -> bool:
        return not is_forbidden(address) and (is_public(address) or is_inside(address, self._allowed))

    def _ours_at(self, port: int) -> Sequence[Address]:
        return [address for host, own in self._ours if own == port for address in self._resolved(host, port)]

    def _resolved(self, host: str, port: int) -> Sequence[Address]:
        literal = parse(host)
        if literal is not None:
            return [literal]
        texts = self.network.resolve(host, port)
        addresses = [address for address in map(parse, texts) if address is not None]
        if len(addresses) != len(texts):  # one with a zone: it belongs to a link, not to the internet
            raise EgressRefused(NOT_PUBLIC)
        if not addresses:
            raise OSError("the name has no address")
        return addresses
