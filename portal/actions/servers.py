"""MCP servers: made, changed, deleted; each claims its gateway domain out of the pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from auth.access import SignedIn
from auth.audit import AuditTrail
from auth.keys import KeyRing
from database.engine import Database
from database.models import McpServer
from errors import Conflict, Invalid, NotFound, PoolExhausted
from federation.connections import Connections
from federation.directory import Directory, ServedServer, served_server, served_source
from federation.pool import GatewayPool
from portal.actions.trail import done_by
from repositories.domains import Domains
from repositories.keys import ApiKeys
from repositories.paging import Page, Window
from repositories.servers import Placed, Servers
from repositories.sources import Sources
from repositories.users import Users
from schemas.servers import ServerWrite, SourceUsePatch


class ServerActions:
    def __init__(
        self,
        database: Database,
        pool: GatewayPool,
        directory: Directory,
        connections: Connections,
        keys: KeyRing,
        audit: AuditTrail,
        clock: Callable[[], datetime],
        *,
        servers_per_account: int,
        quarantine: timedelta,
    ) -> None:
        self._database = database
        self._pool = pool
        self._directory = directory
        self._connections = connections
        self._keys = keys
        self._audit = audit
        self._clock = clock
        self._most = servers_per_account
        self._quarantine = quarantine

    async def create(self, person: SignedIn, form: ServerWrite) -> Placed:
        """A server on a domain of its own. Raises PoolExhausted when no domain is free, Conflict when the account has
        its share of servers, NotFound for a source that is not the person's."""
        now = self._clock()
        server = McpServer(id=uuid4(), user_id=person.user_id, created_at=now, updated_at=now)
        _fill(server, form)
        async with self._database.writing() as session:
            servers = Servers(session)
            await Users(session).get_locked(person.user_id)  # of two requests at once, one counts after the other
            if await servers.count_of(person.user_id) >= self._most:
                raise Conflict(f"An account may have {self._most} MCP servers. Delete one you no longer need.")
            await _require_own_sources(session, person.user_id, form.source_ids)
            await servers.add(server)
            await self._claim(Domains(session), server)
            await servers.set_sources(server.id, form.source_ids)
            placed = await servers.placed(person.user_id, server.id)
        self._directory.forget()
        self._audit.record(done_by(person, "server.created", server_id=server.id, target=placed.assignment.domain[:80]))
        return placed

    async def get(self, person: SignedIn, server_id: UUID) -> Placed:
        async with self._database.reading() as session:
            return await Servers(session).placed(person.user_id, server_id)

    async def list_mine(self, person: SignedIn, window: Window) -> Page[Placed]:
        async with self._database.reading() as session:
            return await Servers(session).list_placed(person.user_id, window)

    async def replace(self, person: SignedIn, server_id: UUID, form: ServerWrite) -> Placed:
        """Raises NotFound, also for a source that is not the person's."""
        async with self._database.writing() as session:
            servers = Servers(session)
            server = await servers.get_locked(person.user_id, server_id)
            await _require_own_sources(session, person.user_id, form.source_ids)
            _fill(server, form)
            server.updated_at = self._clock()
            await servers.set_sources(server.id, form.source_ids)
            placed = await servers.placed(person.user_id, server.id)
        self._directory.forget()
        self._audit.record(done_by(person, "server.changed", server_id=server.id))
        return placed

    async def delete(self, person: SignedIn, server_id: UUID) -> None:
        """Its keys stop and its domain goes back to the pool at once. Raises NotFound."""
        now = self._clock()
        async with self._database.writing() as session:
            servers = Servers(session)
            server = await servers.get_locked(person.user_id, server_id)
            await servers.delete(server, now)
            await ApiKeys(session).revoke_all(server.id, now)
        self._directory.forget()
        self._keys.forget()
        self._audit.record(done_by(person, "server.deleted", server_id=server.id))

    async def change_source(self, person: SignedIn, server_id: UUID, source_id: UUID, form: SourceUsePatch) -> Placed:
        """Changes only what the form gives; null is back to the default. Raises NotFound and Invalid."""
        async with self._database.writing() as session:
            servers = Servers(session)
            server = await servers.get_locked(person.user_id, server_id)
            link = await servers.get_link(server.id, source_id)
            if "enabled" in form.model_fields_set:
                link.enabled = form.enabled is not False
            if "budget_ms" in form.model_fields_set:
                link.budget_ms = form.budget_ms
            if form.exposed_tools is not None:
                source = await Sources(session).get(person.user_id, source_id)
                known = {tool.name for tool in self._connections.tools(served_source(source))}
                _require_known_tools(form.exposed_tools, known)
            if "exposed_tools" in form.model_fields_set:
                link.exposed_tools = form.exposed_tools
            server.updated_at = self._clock()
            await session.flush()
            placed = await servers.placed(person.user_id, server.id)
        self._directory.forget()
        self._audit.record(done_by(person, "server.source_changed", server_id=server.id))
        return placed

    async def served(self, person: SignedIn, server_id: UUID) -> ServedServer:
        """The server as agents find it. Raises NotFound."""
        return served_server(await self.get(person, server_id))

    def is_in_pool(self, placed: Placed) -> bool:
        """Whether its domain still answers."""
        return placed.assignment.domain in self._pool

    async def _claim(self, domains: Domains, server: McpServer) -> None:
        """The first domain of the pool that is free for the owner; somebody else may take it at the same moment."""
        now = server.created_at
        for domain in await domains.free_for(server.user_id, self._pool.domains, now - self._quarantine):
            url = self._pool.urls[domain]
            if await domains.claim(domain=domain, url=url, server_id=server.id, user_id=server.user_id, now=now):
                return
        raise PoolExhausted("No available domains in MCP_GATEWAY_URL_POOLS")


def _fill(server: McpServer, form: ServerWrite) -> None:
    server.name = form.name
    server.access = form.access
    server.instructions = form.instructions
    server.deadline_ms = form.deadline_ms
    server.results = form.results
    server.rerank = form.rerank


async def _require_own_sources(session: AsyncSession, user_id: UUID, source_ids: Sequence[UUID]) -> None:
    if await Sources(session).which_are_of(user_id, source_ids) != frozenset(source_ids):
        raise NotFound("One of these sources does not exist.")


def _require_known_tools(names: Sequence[str], known: set[str]) -> None:
    if not set(names) <= known:
        offered = ", ".join(sorted(known)) or "none"
        raise Invalid.field("exposed_tools", f"The source has no such tool. It offers: {offered}.")
