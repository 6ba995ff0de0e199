"""What happened, and everything an account holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from auth.access import SignedIn
from auth.audit import AuditTrail
from database.engine import Database
from database.models import AuditEvent, Source, User
from repositories.audit import AuditEvents
from repositories.paging import Page, Window
from repositories.servers import Placed, Servers
from repositories.sources import Sources
from repositories.users import Users

_WHOLE: Final = Window(limit=10_000)


@dataclass(frozen=True, slots=True)
class Belongings:
    """Everything of one account that is kept, secrets excepted."""

    user: User
    sources: tuple[Source, ...]
    servers: tuple[Placed, ...]
    activity: tuple[AuditEvent, ...]


class ActivityActions:
    def __init__(self, database: Database, audit: AuditTrail) -> None:
        self._database = database
        self._audit = audit

    async def list_mine(
        self, person: SignedIn, window: Window, *, action: str | None, server_id: UUID | None
    ) -> Page[AuditEvent]:
        """Newest first, with everything that happened until now."""
        await self._audit.flush()
        async with self._database.reading() as session:
            return await AuditEvents(session).list_of(person.user_id, window, action=action, server_id=server_id)

    async def everything(self, person: SignedIn) -> Belongings:
        """For a person who wants to take it along. Of the activity, the newest 10,000 events."""
        await self._audit.flush()
        async with self._database.reading() as session:
            return Belongings(
                user=await Users(session).get(person.user_id),
                sources=tuple(await Sources(session).list_all_of(person.user_id)),
                servers=tuple((await Servers(session).list_placed(person.user_id, _WHOLE)).items),
                activity=tuple((await AuditEvents(session).list_of(person.user_id, _WHOLE)).items),
            )
