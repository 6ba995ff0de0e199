"""API keys of a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from auth.access import SignedIn
from auth.audit import AuditTrail
from auth.keys import KeyRing
from auth.rights import Right, get_locked_server, get_server
from auth.tokens import API_KEY_PREFIX, new_token
from database.engine import Database
from database.models import ApiKey
from errors import Invalid
from portal.actions.trail import record_at_server
from repositories.keys import ApiKeys, HeldKey
from repositories.paging import Page, Window
from repositories.servers import Servers
from schemas.servers import KeyWrite

_SHOWN: Final = len(API_KEY_PREFIX) + 6


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key; its text is known now and never again."""

    row: ApiKey
    text: str


class KeyActions:
    def __init__(self, database: Database, ring: KeyRing, audit: AuditTrail, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._ring = ring
        self._audit = audit
        self._clock = clock

    async def create(self, person: SignedIn, server_id: UUID, form: KeyWrite) -> MadeKey:
        """A key for the server as it stands on its domain now, by the owner or a manager. Raises NotFound, Forbidden
        and Invalid."""
        now, token = self._clock(), new_token(API_KEY_PREFIX)
        if form.expires_at is not None and form.expires_at <= now:
            raise Invalid.field("expires_at", "This moment is past. Leave it out for a key that does not expire.")
        async with self._database.writing() as session:
            standing = await get_locked_server(session, person.user_id, server_id, Right.EDIT)
            seen = await Servers(session).seen(standing.server, standing.role)
            row = ApiKey(
                id=uuid4(),
                server_id=seen.server.id,
                assignment_id=seen.assignment.id,
                created_by=person.user_id,
                name=form.name,
                prefix=token.text[:_SHOWN],
                key_hash=token.hash,
                created_at=now,
                expires_at=form.expires_at,
            )
            await ApiKeys(session).add(row)
        self._ring.forget()
        record_at_server(self._audit, person, seen.server, "key.created", target=str(row.id))
        return MadeKey(row, token.text)

    async def list_of(self, person: SignedIn, server_id: UUID, window: Window) -> Page[HeldKey]:
        """Of everybody who may make keys. Raises NotFound and Forbidden."""
        async with self._database.reading() as session:
            await get_server(session, person.user_id, server_id, Right.EDIT)
            return await ApiKeys(session).list_live(server_id, window)

    async def revoke(self, person: SignedIn, server_id: UUID, key_id: UUID) -> None:
        """The key stops at once. Raises NotFound and Forbidden."""
        async with self._database.writing() as session:
            server = (await get_locked_server(session, person.user_id, server_id, Right.EDIT)).server
            await ApiKeys(session).revoke(server.id, key_id, self._clock())
        self._ring.forget()
        record_at_server(self._audit, person, server, "key.revoked", target=str(key_id))
