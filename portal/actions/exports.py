"""Everything that is kept about an account, for a person who wants to take it along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from auth.access import SignedIn
from auth.audit import AuditTrail
from database.engine import Database
from database.models import ApiKey, AuditEvent, Session, Source, User
from repositories.audit import AuditEvents
from repositories.grants import Connected, Grants
from repositories.keys import ApiKeys
from repositories.paging import Window
from repositories.servers import Seen, Servers
from repositories.sessions import Sessions
from repositories.sources import Sources
from repositories.users import Users

_WHOLE: Final = Window(limit=10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """Secrets excepted: of keys and tokens only hashes are kept, and sealed fields stay sealed."""

    user: User
    sessions: tuple[Session, ...]
    sources: tuple[Source, ...]
    servers: tuple[Seen, ...]
    """Their own, and those they are a member of."""
    keys: tuple[ApiKey, ...]
    grants: tuple[Connected, ...]
    activity: tuple[AuditEvent, ...]


class Exports:
    def __init__(self, database: Database, audit: AuditTrail, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    async def everything(self, person: SignedIn) -> Belongings:
        """Of the activity, the newest 10,000 events."""
        await self._audit.flush()
        now, mine = self._clock(), person.user_id
        async with self._database.reading() as session:
            return Belongings(
                user=await Users(session).get(mine),
                sessions=tuple((await Sessions(session).list_live(mine, now, _WHOLE)).items),
                sources=tuple(await Sources(session).list_all_of(mine)),
                servers=tuple((await Servers(session).list_seen(mine, _WHOLE)).items),
                keys=tuple(await ApiKeys(session).list_made_by(mine)),
                grants=tuple((await Grants(session).list_of_user(mine, now, _WHOLE)).items),
                activity=tuple((await AuditEvents(session).list_of(mine, _WHOLE)).items),
            )
