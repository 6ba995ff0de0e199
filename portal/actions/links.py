"""One-time links: invitations to sign up, and password resets. No mail is sent; whoever makes a link hands it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

from auth.access import SignedIn, require_operator
from auth.audit import AuditTrail, Event
from auth.passwords import Passwords
from auth.tokens import new_token, token_hash
from database.engine import Database
from database.models import OneTimeLink
from errors import Forbidden, NotFound
from portal.actions.trail import done_by
from repositories.links import OneTimeLinks
from repositories.paging import Page, Window
from repositories.sessions import Sessions
from repositories.users import Users

INVITATION: Final = "invitation"
RESET: Final = "reset"

_INVITATION_LIFETIME: Final = timedelta(days=7)
_RESET_LIFETIME: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A new link; its token is known now and never again."""

    row: OneTimeLink
    token: str
    url: str


class Links:
    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        audit: AuditTrail,
        clock: Callable[[], datetime],
        *,
        portal_url: str,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._audit = audit
        self._clock = clock
        self._portal_url = portal_url

    async def invite(self, person: SignedIn) -> MadeLink:
        """An invitation by the operator. Raises Forbidden for everyone else."""
        require_operator(person)
        made = await self._make(INVITATION, _INVITATION_LIFETIME, created_by=person.user_id)
        self._audit.record(done_by(person, "invitation.created", target=str(made.row.id)))
        return made

    async def invite_from_command_line(self) -> MadeLink:
        made = await self._make(INVITATION, _INVITATION_LIFETIME)
        self._audit.record(Event(user_id=None, actor="system", action="invitation.created", target=str(made.row.id)))
        return made

    async def list_invitations(self, person: SignedIn, window: Window) -> Page[OneTimeLink]:
        require_operator(person)
        async with self._database.reading() as session:
            return await OneTimeLinks(session).list_open(INVITATION, self._clock(), window)

    async def withdraw_invitation(self, person: SignedIn, link_id: UUID) -> None:
        require_operator(person)
        async with self._database.writing() as session:
            if not await OneTimeLinks(session).withdraw(INVITATION, link_id, self._clock()):
                raise NotFound("There is no such open invitation.")
        self._audit.record(done_by(person, "invitation.withdrawn", target=str(link_id)))

    async def make_reset(self, email: str) -> MadeLink:
        """A link that sets a new password, for the operator on the command line. Raises NotFound."""
        async with self._database.reading() as session:
            user = await Users(session).find_by_email(email)
        if user is None:
            raise NotFound("There is no account with this e-mail address.")
        made = await self._make(RESET, _RESET_LIFETIME, user_id=user.id)
        self._audit.record(Event(user_id=user.id, actor="system", action="password.reset_link_created"))
        return made

    async def reset(self, token: str, password: str) -> None:
        """Sets the password of the account the link was made for; all its sessions end. Raises Forbidden for a link
        that was used or is too old."""
        new_hash = await self._passwords.hash(password)
        now = self._clock()
        async with self._database.writing() as session:
            link = await OneTimeLinks(session).use(RESET, token_hash(token), now)
            if link is None or link.user_id is None:
                raise Forbidden("This link was used or is too old. Ask the operator for a new one.")
            user = await Users(session).get_locked(link.user_id)
            user.password_hash = new_hash
            user.updated_at = now
            await Sessions(session).revoke_all(user.id, now)
        self._audit.record(Event(user_id=user.id, actor="user", actor_id=user.id, action="password.reset"))

    async def _make(
        self, purpose: str, lifetime: timedelta, *, user_id: UUID | None = None, created_by: UUID | None = None
    ) -> MadeLink:
        now, token = self._clock(), new_token()
        row = OneTimeLink(
            id=uuid4(),
            purpose=purpose,
            token_hash=token.hash,
            user_id=user_id,
            created_by=created_by,
            created_at=now,
            expires_at=now + lifetime,
        )
        async with self._database.writing() as session:
            await OneTimeLinks(session).add(row)
        page, field = ("signup", "invitation") if purpose == INVITATION else ("reset", "token")
        return MadeLink(row, token.text, f"{self._portal_url}/{page}?{urlencode({field: token.text})}")
