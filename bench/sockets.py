"""Sockets and servers for the processes of a bench."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 2048


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A listening socket on a free port of loopback."""
    with socket.create_server((HOST, 0), backlog=_BACKLOG) as opened:
        yield opened


def config_of(app: ASGIApp) -> uvicorn.Config:
    """uvicorn at its fastest, set up as main.py sets it up."""
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )


class Announcing(uvicorn.Server):
    """Says so when it serves."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()


def serve_app(app: ASGIApp, opened: socket.socket, started: Callable[[], None]) -> None:
    """Serves until SIGTERM."""
    Announcing(config_of(app), started).run(sockets=[opened])
