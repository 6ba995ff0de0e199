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
from auth.tokens import API_KEY_PREFIX, new_token
from database.engine import Database
from database.models import ApiKey
from errors import Invalid
from portal.actions.trail import done_by
from repositories.keys import ApiKeys
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
        """A key for the server as it stands on its domain now. Raises NotFound and Invalid."""
        now, token = self._clock(), new_token(API_KEY_PREFIX)
        if form.expires_at is not None and form.expires_at <= now:
            raise Invalid.field("expires_at", "This moment is past. Leave it out for a key that does not expire.")
        async with self._database.writing() as session:
            servers = Servers(session)
            await servers.get_locked(person.user_id, server_id)
            placed = await servers.placed(person.user_id, server_id)
            row = ApiKey(
                id=uuid4(),
                server_id=placed.server.id,
                assignment_id=placed.assignment.id,
                created_by=person.user_id,
                name=form.name,
                prefix=token.text[:_SHOWN],
                key_hash=token.hash,
                created_at=now,
                expires_at=form.expires_at,
            )
            await ApiKeys(session).add(row)
        self._ring.forget()
        self._audit.record(done_by(person, "key.created", server_id=server_id, target=str(row.id)))
        return MadeKey(row, token.text)

    async def list_of(self, person: SignedIn, server_id: UUID, window: Window) -> Page[ApiKey]:
        async with self._database.reading() as session:
            placed = await Servers(session).placed(person.user_id, server_id)
            return await ApiKeys(session).list_live(placed.server.id, window)

    async def revoke(self, person: SignedIn, server_id: UUID, key_id: UUID) -> None:
        """The key stops at once. Raises NotFound."""
        async with self._database.writing() as session:
            server = await Servers(session).get_locked(person.user_id, server_id)
            await ApiKeys(session).revoke(server.id, key_id, self._clock())
        self._ring.forget()
        self._audit.record(done_by(person, "key.revoked", server_id=server_id, target=str(key_id)))
