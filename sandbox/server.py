"""Serves a sandbox on a real socket, on loopback only."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.app import Sandbox, create_app
from sandbox.trouble import CONNECTION
from sandbox.world import World

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 512
_START_S: Final = 10.0


class PortTaken(Exception):
    """Something else listens there; the message is one sentence."""


class _Protocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with the connection within reach of the faults that break one."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        connection: dict[object, object] = {CONNECTION: self.transport}
        self.scope["extensions"] = connection  # type: ignore[typeddict-item]  # an extension of our own


@contextmanager
def serve(served: World | Sandbox, *, port: int = 0) -> Iterator[str]:
    """The origin it answers on, as long as the block runs: `http://127.0.0.1:34567`. Runs in a thread of its own."""
    sandbox = served if isinstance(served, Sandbox) else create_app(served)
    with listening(port) as opened:
        server = uvicorn_server(sandbox)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, name="sandbox", daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield f"http://{HOST}:{opened.getsockname()[1]}"
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join(_START_S)


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket that listens on loopback; port 0 takes a free one. Raises PortTaken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((HOST, port))
        except OSError as error:
            raise PortTaken(f"Port {port} is taken; name another with --port.") from error
        opened.listen(_BACKLOG)
        yield opened


def uvicorn_server(sandbox: Sandbox) -> uvicorn.Server:
    """A server that says nothing by itself: what breaks here was told to break."""
    config = uvicorn.Config(
        sandbox,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _START_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the sandbox did not start")
        time.sleep(0.005)


async def serve_until_stopped(sandbox: Sandbox, opened: socket.socket) -> None:
    """Serves on a listening socket until SIGINT or SIGTERM."""
    server = uvicorn_server(sandbox)
    try:
        await server.serve(sockets=[opened])
    except asyncio.CancelledError:
        server.should_exit = True
        raise
