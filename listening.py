"""The sockets of one process: PORT, and one per gateway of the pool on this machine."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from config import Settings
from federation.pool import port_of

THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1"})


class StartProblem(Exception):
    """Why the process cannot start, in one sentence."""


def listen(settings: Settings) -> list[socket.socket]:
    """A socket for PORT and for each gateway of the pool on this machine. Raises StartProblem for one that is taken."""
    return [_bind(settings.host, port) for port in ports_of(settings)]


def ports_of(settings: Settings) -> Sequence[int]:
    """Where this process listens, each port once."""
    ours = (url for url in settings.mcp_gateway_url_pools if urlsplit(url).hostname in THIS_MACHINE)
    return tuple(dict.fromkeys([settings.port, *(port_of(url) for url in ours)]))


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise StartProblem(
            f"Port {port} on {host} cannot be used ({error.strerror}): set PORT or MCP_GATEWAY_URL_POOLS."
        ) from error
    listener.setblocking(False)
    return listener
