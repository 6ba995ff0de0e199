"""The composition root: everything is built here, from the settings, and nowhere else. `python main.py --help`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from alembic.util import CommandError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

from auth.access import Doorkeeper
from auth.audit import AuditTrail
from auth.keys import KeyRing
from auth.limits import Throttle
from auth.oauth.access import AgentTokens
from auth.oauth.clients import Clients
from auth.oauth.consents import Consents
from auth.oauth.documents import Documents
from auth.oauth.issuer import settle_issuer
from auth.oauth.issuing import Issuing
from auth.passwords import Passwords
from auth.rates import RateLimits, Rates
from auth.signatures import Signatures
from auth.tokens import SessionTokens
from config import Settings
from database.engine import Database
from database.migrations import is_current, upgrade
from database.sealing import Sealer
from errors import DatabaseAway
from federation.connections import Connections
from federation.directory import Directory
from federation.federation import Federation
from federation.health import Health
from federation.metrics import Metrics
from federation.pool import GatewayPool
from federation.ranking.vocabulary import vocabulary
from federation.reranking import Reranker
from gateway.app import Gateway
from gateway.hosts import DOMAIN, HostRouter
from handlers.base import Clock, DatabaseRules, Endpoints, Lent
from handlers.registry import Registry, discover
from kept_secrets import decode_key
from listening import StartProblem, ports_of
from portal.actions.accounts import Accounts
from portal.actions.activity import ActivityActions
from portal.actions.checks import HealthChecks
from portal.actions.exports import Exports
from portal.actions.grants import GrantActions
from portal.actions.keys import KeyActions
from portal.actions.links import Links
from portal.actions.members import MemberActions
from portal.actions.operating import Operating, Retention
from portal.actions.purging import Purging
from portal.actions.servers import ServerActions
from portal.actions.sessions import SessionActions
from portal.actions.sources import SourceActions
from portal.actions.tries import Tries
from portal.app import create_app
from portal.context import Portal
from portal.health import health_apps
from repositories.sources import Sources
from services.egress import Egress
from services.openai.embeddings import Embeddings
from services.text import TextExtractor
from web.assets import assets
from web.edge import Edge
from web.metrics import add_process_figures, metrics_apps
from web.shedding import FairShare, LoadGate, Shedding

VERSION: Final = "0.1.0"

_DEVELOPMENT_ORIGINS: Final = ("http://localhost:3000", "http://localhost:5173")
_POSTGRESQL_PORT: Final = 5432
_HOUSEKEEPING_S: Final = 1.0
_PURGE_EVERY_S: Final = 24 * 60 * 60.0

log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


class Gatehouse:
    """Every part of one process, put together. `app` serves while `running` is open."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry | None = None,
        clock: Clock = utc_now,
        internet: Egress | None = None,
    ) -> None:
        """`internet`: another way to public addresses than this machine's own."""
        self.settings = settings
        self.registry = registry or discover()
        self.database = Database(settings.database_url.get_secret_value())
        self.sealer = Sealer([decode_key(key.get_secret_value()) for key in settings.secrets_keys])
        self.pool = GatewayPool(settings.mcp_gateway_url_pools)
        self.audit = AuditTrail(self.database, clock)
        self.rates = _rates(settings, clock)
        self.gate = LoadGate(settings.requests_at_once)
        self.directory = Directory(self.database)
        self.keys = KeyRing(self.database, clock)
        self.agent_tokens = AgentTokens(self.database, clock)
        self._rings = (self.keys, self.agent_tokens)
        self._signatures = Signatures(settings.jwt_secret.get_secret_value())
        self.health = Health(self.database)
        self._egress = Egress(allowed=settings.egress_allow, ours=_own_addresses(settings))
        self._text = TextExtractor()
        self.connections = Connections(self.registry, self.sealer, self._lend, settings.data_dir / "sources")
        self.metrics = Metrics()
        add_process_figures(self.metrics.registry, lambda: self.gate.refused)
        self._embeddings = _embeddings(settings, self._egress)
        self.federation = Federation(
            self.connections,
            self.health,
            self.metrics,
            reuse=timedelta(seconds=settings.answer_reuse_s),
            reranker=Reranker(self._embeddings) if self._embeddings else None,
        )
        self.checks = HealthChecks(self.database, self.registry, VERSION)
        self._clock = clock
        self._throttle = Throttle(self.database, clock, active=settings.rate_limits)
        self.oauth_clients = Clients(
            self.database,
            Documents(internet or Egress()),  # not into EGRESS_ALLOW: whoever names a document need not be signed in
            self._throttle,
            clock,
            policy=settings.oauth_client_documents,
        )
        self.purging = Purging(
            self.database.unhurried(),
            self.audit,
            clock,
            purge_after=settings.purge_after,
            audit_retention=settings.audit_retention,
            quarantine=settings.domain_quarantine,
        )
        self.issuing = Issuing(
            database=self.database,
            signatures=self._signatures,
            tokens=self.agent_tokens,
            audit=self.audit,
            clock=clock,
        )
        self.portal = self._portal()
        self._gateway = Gateway(
            directory=self.directory,
            federation=self.federation,
            rings=self._rings,
            rates=self.rates,
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
            stack.push_async_callback(self.rates.aclose)
            await self._prepare_database()
            await self.pool.refresh(self.database)
            self.audit.start()
            stack.push_async_callback(self.audit.aclose)
            stack.push_async_callback(self.keys.write_uses)
            stack.push_async_callback(self.agent_tokens.write_uses)
            stack.push_async_callback(self.health.aclose)
            stack.push_async_callback(self._text.aclose)
            stack.push_async_callback(self.connections.aclose)
            stack.push_async_callback(self.federation.aclose)
            if self._embeddings is not None:
                stack.push_async_callback(self._embeddings.aclose)
            await asyncio.to_thread(vocabulary)  # it reads files; no search should wait for that
            stack.push_async_callback(self.oauth_clients.aclose)
            yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Opened, and ready to serve."""
        async with (
            self.opened(),
            self._under_the_known_issuer(),
            self._gateway.run(),
            _in_background(self._keep_house()),
            _in_background(self._purge_daily()),
        ):
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

    @asynccontextmanager
    async def _under_the_known_issuer(self) -> AsyncIterator[None]:
        """Raises StartProblem where agents know us under another address than PORTAL_URL."""
        known = await settle_issuer(self.database, self.settings.portal_url, self._clock())
        if known is not None:
            raise StartProblem(
                f"PORTAL_URL: agents know this installation as {known} and refuse it under another address; set that "
                "again, or run `python main.py change-issuer`, after which every agent must connect anew."
            )
        yield

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_S)
            self.connections.close_idle()
            self.federation.keep_house()
            try:
                await self.pool.refresh(self.database)
                await self.keys.write_uses()
                await self.agent_tokens.write_uses()
                await self.oauth_clients.sweep()
                await self.issuing.sweep()
            except (DatabaseAway, OSError, SQLAlchemyError):
                log.exception("housekeeping.delayed")

    async def _purge_daily(self) -> None:
        """Several processes may do this at the same time: what one has taken, the others no longer find."""
        while True:
            await asyncio.sleep(_PURGE_EVERY_S)
            try:
                await self.purging.run()
            except (DatabaseAway, OSError, SQLAlchemyError):
                log.exception("purge.delayed")

    def _lend(self, folder: Path) -> Lent:
        rules = DatabaseRules(
            allowed=self.settings.customer_databases,
            closed_ports=frozenset(ports_of(self.settings)),
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
        throttle = self._throttle
        links = Links(database, passwords, audit, clock, portal_url=settings.portal_url)
        accounts = Accounts(
            database,
            passwords,
            throttle,
            audit,
            self.connections,
            self.directory,
            self._rings,
            clock,
            signup=settings.signup,
        )
        return Portal(
            url=settings.portal_url,
            version=VERSION,
            clock=clock,
            registry=self.registry,
            doorkeeper=Doorkeeper(database, tokens, self.rates, clock),
            rates=self.rates,
            signatures=self._signatures,
            federation=self.federation,
            accounts=accounts,
            sessions=SessionActions(database, accounts, passwords, tokens, throttle, audit, clock),
            links=links,
            operating=Operating(
                database,
                self.pool,
                links,
                audit,
                clock,
                Retention(
                    purge_after=settings.purge_after,
                    audit=settings.audit_retention,
                    quarantine=settings.domain_quarantine,
                ),
            ),
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
                self._rings,
                audit,
                clock,
                servers_per_account=settings.servers_per_account,
                quarantine=settings.domain_quarantine,
            ),
            keys=KeyActions(database, self.keys, audit, clock),
            grants=GrantActions(database, self.agent_tokens, audit, clock),
            clients=self.oauth_clients,
            consents=Consents(
                database=database,
                clients=self.oauth_clients,
                signatures=self._signatures,
                audit=audit,
                clock=clock,
                issuer=settings.portal_url,
                is_served=self.pool.__contains__,
            ),
            issuing=self.issuing,
            members=MemberActions(database, self._rings, audit, clock, portal_url=settings.portal_url),
            activity=ActivityActions(database, audit, clock),
            exports=Exports(database, audit, clock),
            tries=Tries(self.federation, audit),
            checks=self.checks,
        )

    def _edge(self) -> ASGIApp:
        metrics = metrics_apps(self.metrics.registry, self.settings.metrics_token.get_secret_value())
        everywhere = {**health_apps(self.checks), **metrics}
        router = HostRouter(
            portal=create_app(self.portal, origins=self._origins()),
            portal_url=self.settings.portal_url,
            gateway=FairShare(self._gateway, self.gate, tenant=DOMAIN),
            pool=self.pool,
            everywhere={**everywhere, **assets()},
            redirect_loopback=not self.settings.production,
        )
        strict = self.settings.production
        edge = Edge(router, trusted_proxies=self.settings.trusted_proxies, strict_transport=strict)
        return Shedding(edge, self.gate, always=everywhere, strict_transport=strict)


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _embeddings(settings: Settings, egress: Egress) -> Embeddings | None:
    """Where the operator has set a key."""
    if not settings.openai_api_key.get_secret_value():
        return None
    return Embeddings(
        key=settings.openai_api_key,
        model=settings.openai_embedding_model,
        base_url=settings.openai_url,
        egress=egress,
    )


def _own_addresses(settings: Settings) -> Sequence[tuple[str, int]]:
    """Host and port of our own database, which no source may be pointed at."""
    url = make_url(settings.database_url.get_secret_value())
    return () if url.host is None else ((url.host, url.port or _POSTGRESQL_PORT),)


def _rates(settings: Settings, clock: Clock) -> Rates:
    limits = RateLimits(
        token=settings.rate_per_token,
        user=settings.rate_per_user,
        server=settings.rate_per_server,
        address=settings.rate_per_address,
    )
    return Rates(limits if settings.rate_limits else None, clock, settings.redis_url.get_secret_value() or None)


def _kind(error: Exception) -> str:
    """What sort of error it was; its text may hold a password."""
    cause = getattr(error, "orig", None) or error
    return type(cause).__name__


if __name__ == "__main__":
    from commands import run  # the command line imports this module

    sys.exit(run(sys.argv[1:]))
