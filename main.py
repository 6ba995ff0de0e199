"""The composition root: everything is built here, from the settings, and nowhere else. `python main.py --help`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
import uvicorn
from alembic.util import CommandError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

from auth.access import Doorkeeper
from auth.audit import AuditTrail
from auth.keys import KeyRing
from auth.limits import Throttle
from auth.passwords import Passwords
from auth.tokens import SessionTokens
from config import Settings
from database.engine import Database
from database.migrations import is_current, upgrade
from database.sealing import Sealer
from federation.connections import Connections
from federation.directory import Directory
from federation.federation import Federation
from federation.health import Health
from federation.pool import GatewayPool, port_of
from gateway.app import Gateway
from gateway.hosts import HostRouter
from handlers.base import Clock, DatabaseRules, Endpoints, Lent
from handlers.registry import Registry, discover
from kept_secrets import decode_key
from portal.actions.accounts import Accounts
from portal.actions.activity import ActivityActions
from portal.actions.checks import HealthChecks
from portal.actions.keys import KeyActions
from portal.actions.links import Links
from portal.actions.servers import ServerActions
from portal.actions.sessions import SessionActions
from portal.actions.sources import SourceActions
from portal.app import create_app
from portal.context import Portal
from portal.health import health_apps
from repositories.sources import Sources
from services.egress import Egress
from services.text import TextExtractor
from web.edge import Edge
from web.pages import assets

VERSION: Final = "0.1.0"

_DEVELOPMENT_ORIGINS: Final = ("http://localhost:3000", "http://localhost:5173")
_POSTGRESQL_PORT: Final = 5432
THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1"})
_HOUSEKEEPING_S: Final = 1.0

log = structlog.get_logger()


class StartProblem(Exception):
    """Why the process cannot start, in one sentence."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Gatehouse:
    """Every part of one process, put together. `app` serves while `running` is open."""

    def __init__(self, settings: Settings, registry: Registry | None = None, clock: Clock = utc_now) -> None:
        self.settings = settings
        self.registry = registry or discover()
        self.database = Database(settings.database_url.get_secret_value())
        self.sealer = Sealer([decode_key(key.get_secret_value()) for key in settings.secrets_keys])
        self.pool = GatewayPool(settings.mcp_gateway_url_pools)
        self.audit = AuditTrail(self.database, clock)
        self.directory = Directory(self.database)
        self.keys = KeyRing(self.database, clock)
        self.health = Health(self.database)
        self._egress = Egress(allowed=settings.egress_allow, ours=_own_addresses(settings))
        self._text = TextExtractor()
        self.connections = Connections(self.registry, self.sealer, self._lend, settings.data_dir / "sources")
        self.federation = Federation(self.connections, self.health)
        self.checks = HealthChecks(self.database, self.registry, VERSION)
        self._clock = clock
        self.portal = self._portal()
        self._gateway = Gateway(
            directory=self.directory,
            federation=self.federation,
            keys=self.keys,
            audit=self.audit,
            portal_url=settings.portal_url,
            origins=[settings.portal_url, *self._origins()],
            version=VERSION,
        )
        self.app = self._edge()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """From a database that is brought up to date to everything written and closed. Raises StartProblem."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.database.aclose)
            await self._prepare_database()
            await self.pool.refresh(self.database)
            self.audit.start()
            stack.push_async_callback(self.audit.aclose)
            stack.push_async_callback(self.keys.write_uses)
            stack.push_async_callback(self.health.aclose)
            stack.push_async_callback(self._text.aclose)
            stack.push_async_callback(self.connections.aclose)
            yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Opened, and ready to serve."""
        async with self.opened(), self._gateway.run(), _in_background(self._keep_house()):
            yield

    async def migrate(self) -> None:
        """Brings the database to the newest revision. Raises StartProblem."""
        try:
            await upgrade(self.database.engine)
        except (OSError, SQLAlchemyError) as error:
            raise StartProblem(f"DATABASE_URL: the database cannot be reached or changed ({_kind(error)}).") from error
        except CommandError as error:  # alembic finds a revision that it does not know
            raise StartProblem("DATABASE_URL: the database was made by a later version of Gatehouse.") from error

    async def _prepare_database(self) -> None:
        if self.settings.migrate_on_start:
            await self.migrate()
        try:
            current = await is_current(self.database.engine)
        except (OSError, SQLAlchemyError) as error:
            raise StartProblem(f"DATABASE_URL: the database cannot be reached ({_kind(error)}).") from error
        if not current:
            raise StartProblem(
                "The database is behind this version: run `python main.py migrate`, or set MIGRATE_ON_START=true."
            )
        async with self.database.reading() as session:
            sealed = [source.sealed for source in await Sources(session).list_sealed()]
        unknown = sum(1 for one in sealed if one is not None and not self.sealer.knows(one))
        if unknown:
            raise StartProblem(
                f"SECRETS_KEYS: {unknown} sources were sealed with a key that is not listed; add the old key."
            )

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_S)
            self.connections.close_idle()
            try:
                await self.pool.refresh(self.database)
                await self.keys.write_uses()
            except (OSError, SQLAlchemyError):
                log.exception("housekeeping.delayed")

    def _lend(self, folder: Path) -> Lent:
        rules = DatabaseRules(
            allowed=self.settings.customer_databases,
            closed_ports=frozenset(_ports(self.settings)),
            sqlite_folder=self.settings.customer_sqlite_folder,
        )
        return Lent(
            clock=self._clock,
            folder=folder,
            databases=rules,
            egress=self._egress,
            text=self._text,
            endpoints=Endpoints(
                entra=self.settings.entra_url,
                graph=self.settings.graph_url,
                box=self.settings.box_url,
                snowflake=self.settings.snowflake_url or None,
            ),
            instances=self.settings.instances,
        )

    def _origins(self) -> Sequence[str]:
        own = () if self.settings.production else _DEVELOPMENT_ORIGINS
        return (*self.settings.cors_origins, *own)

    def _portal(self) -> Portal:
        settings, database, audit, clock = self.settings, self.database, self.audit, self._clock
        passwords = Passwords(settings.password_cost)
        tokens = SessionTokens(settings.jwt_secret.get_secret_value(), settings.portal_url)
        throttle = Throttle(database, clock, active=settings.rate_limits)
        accounts = Accounts(
            database, passwords, throttle, audit, self.connections, self.directory, clock, signup=settings.signup
        )
        return Portal(
            url=settings.portal_url,
            version=VERSION,
            registry=self.registry,
            doorkeeper=Doorkeeper(database, tokens, clock),
            federation=self.federation,
            accounts=accounts,
            sessions=SessionActions(database, accounts, passwords, tokens, throttle, audit, clock),
            links=Links(database, passwords, audit, clock, portal_url=settings.portal_url),
            sources=SourceActions(
                database=database,
                registry=self.registry,
                sealer=self.sealer,
                connections=self.connections,
                directory=self.directory,
                federation=self.federation,
                health=self.health,
                audit=audit,
                clock=clock,
            ),
            servers=ServerActions(
                database,
                self.pool,
                self.directory,
                self.connections,
                self.keys,
                audit,
                clock,
                servers_per_account=settings.servers_per_account,
                quarantine=settings.domain_quarantine,
            ),
            keys=KeyActions(database, self.keys, audit, clock),
            activity=ActivityActions(database, audit),
            checks=self.checks,
        )

    def _edge(self) -> ASGIApp:
        router = HostRouter(
            portal=create_app(self.portal, origins=self._origins()),
            portal_url=self.settings.portal_url,
            gateway=self._gateway,
            pool=self.pool,
            everywhere={**health_apps(self.checks), **assets()},
            redirect_loopback=not self.settings.production,
        )
        return Edge(router, trusted_proxies=self.settings.trusted_proxies, strict_transport=self.settings.production)


class Server(uvicorn.Server):
    """Tells who waits for us that we serve, and the load balancer that we are about to stop."""

    def __init__(self, gatehouse: Gatehouse) -> None:
        settings = gatehouse.settings
        super().__init__(
            uvicorn.Config(
                gatehouse.app,
                http="httptools",  # h11 answered a smuggled second request
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
            await server.serve(sockets)

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(run())


def listen(settings: Settings) -> list[socket.socket]:
    """A socket for PORT and for each gateway of the pool on this machine. Raises StartProblem for one that is taken."""
    return [_bind(settings.host, port) for port in _ports(settings)]


def _ports(settings: Settings) -> Sequence[int]:
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


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _own_addresses(settings: Settings) -> Sequence[tuple[str, int]]:
    """Host and port of our own database, which no source may be pointed at."""
    url = make_url(settings.database_url.get_secret_value())
    return () if url.host is None else ((url.host, url.port or _POSTGRESQL_PORT),)


def _kind(error: Exception) -> str:
    """What sort of error it was; its text may hold a password."""
    cause = getattr(error, "orig", None) or error
    return type(cause).__name__


if __name__ == "__main__":
    from commands import run  # the command line imports this module

    sys.exit(run(sys.argv[1:]))
