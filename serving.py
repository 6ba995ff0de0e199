"""One process from start to stop: it listens, says when it serves, and ends what is under way."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from contextlib import suppress
from types import FrameType
from typing import Final

import structlog
import uvicorn

from config import Settings
from listening import listen
from main import Gatehouse
from web.assets import missing_packages
from web.heads import BoundedHeads

_COLLECTED_AFTER: Final = 5_000
"""Objects made that may hold others; Python's own 700 are a search or two."""

log = structlog.get_logger()


class Server(uvicorn.Server):
    """Tells who waits for us that we serve, and the load balancer that we are about to stop."""

    def __init__(self, gatehouse: Gatehouse) -> None:
        settings = gatehouse.settings
        super().__init__(
            uvicorn.Config(
                gatehouse.app,
                http=BoundedHeads,  # over httptools: h11 answered a smuggled second request
                ws="none",
                lifespan="off",  # `Gatehouse.running` is around the server
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # TRUSTED_PROXIES decides, in web/edge.py
                timeout_graceful_shutdown=int(settings.shutdown_grace.total_seconds()),
            )
        )
        self._gatehouse = gatehouse

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        settings = self._gatehouse.settings
        log.info("serving", portal=settings.portal_url, gateways=list(settings.mcp_gateway_url_pools))
        if missing := missing_packages():
            log.warning("pages.plain", missing=missing, hint="run `make setup`, or `npm ci --ignore-scripts`")
        if settings.node_channel_fd is not None:
            with suppress(OSError):
                os.write(settings.node_channel_fd, b'"ready"\n')

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Instead of uvicorn's own, which raises the signal again once it has stopped: that would end the process
        before what still waits is written."""
        self._gatehouse.checks.drain()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def serve(settings: Settings) -> None:
    """Serves until it is told to stop. Raises StartProblem."""
    sockets = listen(settings)
    gatehouse = Gatehouse(settings)
    server = Server(gatehouse)

    async def run() -> None:
        async with gatehouse.running():
            spare_the_collector()
            await server.serve(sockets)

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(run())


def spare_the_collector() -> None:
    """To be called once everything is loaded. Modules and models stay as long as the process: without this, the garbage
    collector would look through all of them again and again, which was a fifth of the time of a search."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
