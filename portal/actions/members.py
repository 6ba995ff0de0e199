"""Members of a server: invited by a link, joined, given another role, removed.

Addresses are not verified, so the link is what proves that somebody was invited; that the account has the address it
was made for keeps a link that went astray from being used by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from auth.access import SignedIn
from auth.audit import AuditTrail
from auth.rights import Right, Standing, get_locked_server, get_server
from auth.rings import Ring
from auth.tokens import new_token, token_hash
from database.engine import Database
from database.models import Member, ServerInvitation, User
from errors import Conflict, Forbidden
from portal.actions.trail import record_at_server
from repositories.grants import Grants
from repositories.keys import ApiKeys
from repositories.members import Members, ServerInvitations
from repositories.paging import Page, Window
from repositories.servers import Seen, Servers
from repositories.users import Users, email_key
from schemas.members import InvitationWrite, MemberRole

_LIFETIME: Final = timedelta(days=7)
_MOST: Final = 100
_NOT_GOOD: Final = "This invitation was used, replaced, withdrawn or is too old. Ask for a new one."


@dataclass(frozen=True, slots=True)
class MadeInvitation:
    """A new invitation; its token is known now and never again."""

    row: ServerInvitation
    token: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a link invites to, for whoever holds it, signed in or not."""

    server_name: str
    owner_name: str
    """Who invites."""
    role: MemberRole
    email: str
    """The address that the account must have."""
    expires_at: datetime


class MemberActions:
    def __init__(
        self,
        database: Database,
        rings: Sequence[Ring],
        audit: AuditTrail,
        clock: Callable[[], datetime],
        *,
        portal_url: str,
    ) -> None:
        self._database = database
        self._rings = rings
        self._audit = audit
        self._clock = clock
        self._portal_url = portal_url

    async def list_of(self, person: SignedIn, server_id: UUID, window: Window) -> Page[tuple[Member, User]]:
        """For the owner and managers. Raises NotFound and Forbidden."""
        async with self._database.reading() as session:
            await get_server(session, person.user_id, server_id, Right.EDIT)
            return await Members(session).list_of(server_id, window)

    async def change_role(
        self, person: SignedIn, server_id: UUID, user_id: UUID, role: MemberRole
    ) -> tuple[Member, User]:
        """By the owner. The keys of a manager who becomes a reader stop at once, and what their agents may do follows
        the role. Raises NotFound and Forbidden."""
        async with self._database.writing() as session:
            server = (await get_locked_server(session, person.user_id, server_id, Right.OWN)).server
            member, user = await Members(session).get(server.id, user_id)
            member.role = role
            if role == "reader":
                await ApiKeys(session).revoke_made_by(user_id, self._clock(), server_id=server.id)
        self._forget_tokens()
        record_at_server(self._audit, person, server, "member.role_changed", target=str(user_id), member_id=user_id)
        return member, user

    async def remove(self, person: SignedIn, server_id: UUID, user_id: UUID) -> None:
        """By the owner, or by members who leave. What their agents hold for this server stops at once, and so do the
        keys they made: those are theirs, whoever used them. Raises NotFound and Forbidden."""
        now, leaves = self._clock(), user_id == person.user_id
        async with self._database.writing() as session:
            right = Right.USE if leaves else Right.OWN
            server = (await get_locked_server(session, person.user_id, server_id, right)).server
            await Members(session).remove(server.id, user_id)
            await ApiKeys(session).revoke_made_by(user_id, now, server_id=server.id)
            await Grants(session).revoke_all(now=now, user_id=user_id, server_id=server.id)
        self._forget_tokens()
        action = "member.left" if leaves else "member.removed"
        record_at_server(self._audit, person, server, action, target=str(user_id), member_id=user_id)

    async def invite(self, person: SignedIn, server_id: UUID, form: InvitationWrite) -> MadeInvitation:
        """By the owner; an earlier invitation for the same address is worth nothing from now on. Raises NotFound and
        Forbidden, and Conflict for the owner, for a member, and when the server has its share of members."""
        now, token = self._clock(), new_token()
        async with self._database.writing() as session:
            server = (await get_locked_server(session, person.user_id, server_id, Right.OWN)).server
            await _require_stranger(session, server.id, form.email)
            row = ServerInvitation(
                id=uuid4(),
                server_id=server.id,
                email=form.email,
                email_key=email_key(form.email),
                role=form.role,
                token_hash=token.hash,
                invited_by=person.user_id,
                created_at=now,
                expires_at=now + _LIFETIME,
            )
            invitations = ServerInvitations(session)
            await invitations.sweep(now)
            await invitations.replace(row)
            if await Members(session).count_of(server.id) + await invitations.count_open(server.id, now) > _MOST:
                raise Conflict(f"A server may have {_MOST} members and open invitations. Remove one first.")
        record_at_server(self._audit, person, server, "member.invited", target=str(row.id))
        return MadeInvitation(row, token.text, f"{self._portal_url}/join?{urlencode({'token': token.text})}")

    async def list_invitations(self, person: SignedIn, server_id: UUID, window: Window) -> Page[ServerInvitation]:
        """The open ones, for the owner. Raises NotFound and Forbidden."""
        async with self._database.reading() as session:
            await get_server(session, person.user_id, server_id, Right.OWN)
            return await ServerInvitations(session).list_open(server_id, self._clock(), window)

    async def revoke_invitation(self, person: SignedIn, server_id: UUID, invitation_id: UUID) -> None:
        """By the owner. Raises NotFound and Forbidden."""
        async with self._database.writing() as session:
            server = (await get_locked_server(session, person.user_id, server_id, Right.OWN)).server
            await ServerInvitations(session).revoke(server.id, invitation_id, self._clock())
        record_at_server(self._audit, person, server, "invitation.revoked", target=str(invitation_id))

    async def look(self, token: str) -> Offer:
        """What the link invites to; it is not used up. Raises Forbidden for one that is not good any longer."""
        async with self._database.reading() as session:
            found = await ServerInvitations(session).find_open(token_hash(token), self._clock())
            server = None if found is None else await Servers(session).find(found.server_id)
            if found is None or server is None:
                raise Forbidden(_NOT_GOOD)
            owner = await Users(session).get(server.user_id)
        return Offer(
            server_name=server.name,
            owner_name=owner.name,
            role=found.role,
            email=found.email,
            expires_at=found.expires_at,
        )

    async def accept(self, person: SignedIn, token: str) -> Seen:
        """The server that the person is a member of from now on. Raises Forbidden for an invitation that is not good
        any longer or is for another address, Conflict for somebody who owns the server or is a member already."""
        async with self._database.writing() as session:
            user = await Users(session).get_locked(person.user_id)  # one that is being deleted joins nothing
            standing = await join(session, token, user, self._clock())
            seen = await Servers(session).seen(standing.server, standing.role)
        record_at_server(self._audit, person, seen.server, "member.joined", target=str(person.user_id))
        return seen

    def _forget_tokens(self) -> None:
        for ring in self._rings:
            ring.forget()


async def join(session: AsyncSession, token: str, user: User, now: datetime) -> Standing:
    """Makes the account a member by an invitation, which is used up. Raises Forbidden and Conflict. Within the caller's
    transaction: signing up with an invitation makes the account and the member at once."""
    invitations, hashed = ServerInvitations(session), token_hash(token)
    found = await invitations.find_open(hashed, now)
    if found is not None and found.email_key != user.email_key:
        raise Forbidden("This invitation is for another e-mail address. Sign in with the account that has it.")
    server = None if found is None else await Servers(session).find_locked(found.server_id)
    if found is None or server is None or not await invitations.use(hashed, now):
        raise Forbidden(_NOT_GOOD)
    if await Members(session).role_of(server.id, user.id) is not None:
        raise Conflict("This account has its place on that server already.")
    await Members(session).add(
        Member(server_id=server.id, user_id=user.id, role=found.role, invited_by=found.invited_by, created_at=now)
    )
    return Standing(server, found.role)


async def _require_stranger(session: AsyncSession, server_id: UUID, email: str) -> None:
    """Raises Conflict when the account with this address has a part in the server already."""
    user = await Users(session).find_by_email(email)
    role = None if user is None else await Members(session).role_of(server_id, user.id)
    if role == "owner":
        raise Conflict("The owner of a server needs no invitation.")
    if role is not None:
        raise Conflict("The account with this address is a member already. Change its role instead.")
