"""Connected agents: what people let in by signing in, listed and taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from auth.access import SignedIn
from auth.audit import AuditTrail
from auth.oauth.access import AgentTokens
from auth.rights import Right, get_server, may_edit
from database.engine import Database
from errors import Forbidden, NotFound
from portal.actions.trail import done_by, record_widely
from repositories.grants import Connected, Grants, Revoked
from repositories.paging import Page, Window
from repositories.servers import Servers


class GrantActions:
    def __init__(
        self, database: Database, tokens: AgentTokens, audit: AuditTrail, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._audit = audit
        self._clock = clock

    async def list_mine(self, person: SignedIn, window: Window) -> Page[Connected]:
        """Every agent that the person let in, at their own servers and at others'."""
        async with self._database.reading() as session:
            return await Grants(session).list_of_user(person.user_id, self._clock(), window)

    async def list_at(self, person: SignedIn, server_id: UUID, window: Window) -> Page[Connected]:
        """The agents connected to a server; a reader sees their own. Raises NotFound."""
        async with self._database.reading() as session:
            standing = await get_server(session, person.user_id, server_id, Right.USE)
            whose = None if may_edit(standing.role) else person.user_id
            return await Grants(session).list_of_server(server_id, self._clock(), window, user_id=whose)

    async def revoke_mine(self, person: SignedIn, grant_id: UUID) -> None:
        """The agent's tokens are dead at once. Raises NotFound."""
        async with self._database.writing() as session:
            ended = await Grants(session).revoke_all(now=self._clock(), grant_id=grant_id, user_id=person.user_id)
            server = await Servers(session).find(ended[0].server_id) if ended else None
        self._ended(person, ended[0] if ended else None, server.user_id if server else None)

    async def revoke_at(self, person: SignedIn, server_id: UUID, grant_id: UUID) -> None:
        """The same for an agent connected to this server; a reader may end their own. Raises NotFound and Forbidden."""
        async with self._database.writing() as session:
            standing = await get_server(session, person.user_id, server_id, Right.USE)
            whose = None if may_edit(standing.role) else person.user_id
            ended = await Grants(session).revoke_all(
                now=self._clock(), grant_id=grant_id, server_id=server_id, user_id=whose
            )
        if whose is not None and not ended:
            raise Forbidden("Only the owner and managers of this server may disconnect the agents of others.")
        self._ended(person, ended[0] if ended else None, standing.server.user_id)

    def _ended(self, person: SignedIn, grant: Revoked | None, owner_id: UUID | None) -> None:
        if grant is None:
            raise NotFound("There is no such connected agent.")
        self._tokens.forget()
        event = done_by(person, "grant.revoked", server_id=grant.server_id, target=str(grant.id))
        record_widely(self._audit, event, owner_id=owner_id or person.user_id, member_id=grant.user_id)
