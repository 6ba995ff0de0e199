"""MCP servers: made, changed, deleted; each claims its gateway domain out of the pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from auth.access import SignedIn
from auth.audit import AuditTrail
from auth.rights import Right, get_locked_server, get_server, may_own
from auth.rings import Ring
from database.engine import Database
from database.models import McpServer, ServerSource
from errors import Conflict, Forbidden, Invalid, NotFound, PoolExhausted, SourceUnavailable
from federation.connections import Connections
from federation.directory import Directory, ServedServer, served_server, served_source
from federation.pool import GatewayPool
from handlers.base import Tool
from portal.actions.trail import record_at_server
from repositories.domains import Domains
from repositories.grants import Grants
from repositories.keys import ApiKeys
from repositories.members import Members
from repositories.paging import Page, Window
from repositories.servers import Placed, Seen, Servers
from repositories.sources import Sources
from repositories.users import Users
from schemas.servers import ServerWrite, SourceUsePatch

_OWNERS_FIELDS: Final = ("access", "deadline_ms", "results", "rerank")
_OWNERS_LINK_FIELDS: Final = ("budget_ms", "exposed_tools")


class ServerActions:
    def __init__(
        self,
        database: Database,
        pool: GatewayPool,
        directory: Directory,
        connections: Connections,
        rings: Sequence[Ring],
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
        self._rings = rings
        self._audit = audit
        self._clock = clock
        self._most = servers_per_account
        self._quarantine = quarantine

    async def create(self, person: SignedIn, form: ServerWrite) -> Seen:
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
            seen = await servers.seen(server, "owner")
        self._directory.forget()
        record_at_server(self._audit, person, server, "server.created", target=seen.assignment.domain[:80])
        return seen

    async def get(self, person: SignedIn, server_id: UUID) -> Seen:
        """For everybody who has a part in it. Raises NotFound."""
        async with self._database.reading() as session:
            standing = await get_server(session, person.user_id, server_id, Right.USE)
            return await Servers(session).seen(standing.server, standing.role)

    async def list_mine(self, person: SignedIn, window: Window) -> Page[Seen]:
        """The person's own and those that they are a member of."""
        async with self._database.reading() as session:
            return await Servers(session).list_seen(person.user_id, window)

    async def replace(self, person: SignedIn, server_id: UUID, form: ServerWrite) -> Seen:
        """Raises NotFound, also for a source that is not the person's, and Forbidden; for a manager also when the form
        changes what is the owner's to decide."""
        async with self._database.writing() as session:
            servers = Servers(session)
            standing = await get_locked_server(session, person.user_id, server_id, Right.EDIT)
            server = standing.server
            if may_own(standing.role):
                await _require_own_sources(session, person.user_id, form.source_ids)
            else:
                _refuse_owners_fields(_owners_changes(await servers.seen(server, standing.role), form))
            _fill(server, form)
            server.updated_at = self._clock()
            await servers.set_sources(server.id, form.source_ids)
            seen = await servers.seen(server, standing.role)
        self._directory.forget()
        record_at_server(self._audit, person, server, "server.changed")
        return seen

    async def delete(self, person: SignedIn, server_id: UUID) -> None:
        """By its owner. Its keys and agents stop, its members and invitations are gone, and its domain goes back to the
        pool at once. Raises NotFound and Forbidden."""
        now = self._clock()
        async with self._database.writing() as session:
            server = (await get_locked_server(session, person.user_id, server_id, Right.OWN)).server
            await Servers(session).delete(server, now)
            await Members(session).forget_server(server.id)
            await ApiKeys(session).revoke_all(server.id, now)
            await Grants(session).revoke_all(now=now, server_id=server.id)
        self._directory.forget()
        for ring in self._rings:
            ring.forget()
        record_at_server(self._audit, person, server, "server.deleted")

    async def change_source(self, person: SignedIn, server_id: UUID, source_id: UUID, form: SourceUsePatch) -> Seen:
        """Changes only what the form gives; null is back to the default. Managers switch sources on and off, the rest
        is the owner's. Raises NotFound, Forbidden and Invalid."""
        async with self._database.writing() as session:
            servers = Servers(session)
            standing = await get_locked_server(session, person.user_id, server_id, Right.EDIT)
            server = standing.server
            link = await servers.get_link(server.id, source_id)
            if not may_own(standing.role):
                _refuse_owners_fields(_owners_link_changes(link, form))
            if form.exposed_tools is not None:
                source = await Sources(session).get(server.user_id, source_id)
                known = {tool.name for tool in self._connections.tools(served_source(source))}
                _require_known_tools(form.exposed_tools, known)
            _change_link(link, form)
            server.updated_at = self._clock()
            await session.flush()
            seen = await servers.seen(server, standing.role)
        self._directory.forget()
        record_at_server(self._audit, person, server, "server.source_changed", target=_key_of(seen, source_id))
        return seen

    async def served(self, person: SignedIn, server_id: UUID) -> ServedServer:
        """The server as agents find it, for everybody who has a part in it. Raises NotFound."""
        return served_server(await self.get(person, server_id))

    def tools(self, placed: Placed) -> Mapping[UUID, Sequence[Tool[Any, Any]]]:
        """What each of its sources offers beside search and fetch, exposed or not; nothing from one whose settings
        cannot be read any longer."""
        offered: dict[UUID, Sequence[Tool[Any, Any]]] = {}
        for link, source in placed.sources:
            try:
                offered[source.id] = self._connections.tools(served_source(source, link))
            except SourceUnavailable:  # its status says so, and it was logged
                offered[source.id] = ()
        return offered

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


def _change_link(link: ServerSource, form: SourceUsePatch) -> None:
    if "enabled" in form.model_fields_set:
        link.enabled = form.enabled is not False
    if "budget_ms" in form.model_fields_set:
        link.budget_ms = form.budget_ms
    if "exposed_tools" in form.model_fields_set:
        link.exposed_tools = form.exposed_tools


def _owners_changes(seen: Seen, form: ServerWrite) -> Sequence[str]:
    """The fields of the form that only the owner may change and that are not as they are now."""
    changed = [name for name in _OWNERS_FIELDS if getattr(form, name) != getattr(seen.server, name)]
    sources = {source.id for _, source in seen.sources}
    return [*([] if set(form.source_ids) == sources else ["source_ids"]), *changed]


def _owners_link_changes(link: ServerSource, form: SourceUsePatch) -> Sequence[str]:
    given = [name for name in _OWNERS_LINK_FIELDS if name in form.model_fields_set]
    return [name for name in given if getattr(form, name) != getattr(link, name)]


def _refuse_owners_fields(changed: Sequence[str]) -> None:
    """Raises Forbidden if there are any."""
    if changed:
        raise Forbidden(f"Only the owner of this server may change {', '.join(changed)}. Send what is there now.")


async def _require_own_sources(session: AsyncSession, user_id: UUID, source_ids: Sequence[UUID]) -> None:
    if await Sources(session).which_are_of(user_id, source_ids) != frozenset(source_ids):
        raise NotFound("One of these sources does not exist.")


def _key_of(seen: Seen, source_id: UUID) -> str | None:
    return next((source.key for _, source in seen.sources if source.id == source_id), None)


def _require_known_tools(names: Sequence[str], known: set[str]) -> None:
    if not set(names) <= known:
        offered = ", ".join(sorted(known)) or "none"
        raise Invalid.field("exposed_tools", f"The source has no such tool. It offers: {offered}.")
