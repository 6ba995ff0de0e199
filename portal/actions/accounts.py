"""Accounts: made, changed, exported, deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth.access import Caller, SignedIn
from auth.audit import AuditTrail, Event
from auth.limits import Throttle
from auth.passwords import Passwords
from auth.rights import Standing
from auth.rings import Ring
from auth.tokens import token_hash
from database.engine import Database
from database.models import McpServer, User
from errors import Conflict, Forbidden
from federation.connections import Connections
from federation.directory import Directory
from portal.actions.links import INVITATION
from portal.actions.members import join
from portal.actions.trail import done_by, record_widely
from repositories.grants import Grants
from repositories.keys import ApiKeys
from repositories.links import OneTimeLinks
from repositories.members import Members
from repositories.servers import Servers, erase
from repositories.sessions import Sessions
from repositories.sources import Sources, mark_source_deleted
from repositories.users import Users, email_key, mark_deleted
from schemas.accounts import ChangeEmail, SignUp


class Accounts:
    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        throttle: Throttle,
        audit: AuditTrail,
        connections: Connections,
        directory: Directory,
        rings: Sequence[Ring],
        clock: Callable[[], datetime],
        *,
        signup: str,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle
        self._audit = audit
        self._connections = connections
        self._directory = directory
        self._rings = tuple(rings)
        self._clock = clock
        self.signup: Final = signup
        """open, invite or closed."""

    async def sign_up(self, form: SignUp, caller: Caller) -> User:
        """A new account; the very first one runs the installation. An invitation that is given is used up, and one to a
        server makes the account a member of it. Raises Forbidden where sign-up is not open to the caller or the
        invitation is not good, Conflict when the address is taken and TooManyRequests."""
        if self.signup == "closed":
            raise Forbidden("Sign-up is closed here. Ask the operator for an account.")
        if self.signup == "invite" and form.invitation is None:
            raise Forbidden("Sign-up is by invitation here. Open the link that you were sent.")
        await self._throttle.sign_up(caller.address)
        user = await self._new_user(form.email, form.name, form.password)
        try:
            async with self._database.writing() as session:
                users = Users(session)
                user.is_operator = await users.none_yet()
                await users.add(user)
                joined = None if form.invitation is None else await _use_invitation(session, form.invitation, user)
        except IntegrityError as error:
            raise Conflict("There is an account with this e-mail address already. Sign in instead.") from error
        created = Event(
            user_id=user.id,
            actor="user",
            actor_id=user.id,
            action="account.created",
            address=caller.address,
            agent=caller.user_agent,
        )
        self._audit.record(created)
        if joined is not None:
            event = replace(created, action="member.joined", server_id=joined.server.id, target=str(user.id))
            record_widely(self._audit, event, owner_id=joined.server.user_id)
        return user

    async def create(self, email: str, name: str, password: str) -> User:
        """An account made by the operator on the command line. Raises Conflict when the address is taken."""
        user = await self._new_user(email, name, password)
        try:
            async with self._database.writing() as session:
                users = Users(session)
                user.is_operator = await users.none_yet()
                await users.add(user)
        except IntegrityError as error:
            raise Conflict("There is an account with this e-mail address already.") from error
        self._audit.record(Event(user_id=user.id, actor="system", action="account.created"))
        return user

    async def get(self, person: SignedIn) -> User:
        async with self._database.reading() as session:
            return await Users(session).get(person.user_id)

    async def rename(self, person: SignedIn, name: str) -> User:
        async with self._database.writing() as session:
            user = await Users(session).get_locked(person.user_id)
            user.name = name
            user.updated_at = self._clock()
        self._audit.record(done_by(person, "account.renamed"))
        return user

    async def change_email(self, person: SignedIn, form: ChangeEmail) -> User:
        """Raises Forbidden for a wrong password, Conflict for a taken address and TooManyRequests."""
        await self.confirm_password(person, form.password)
        try:
            async with self._database.writing() as session:
                user = await Users(session).get_locked(person.user_id)
                user.email, user.email_key = form.email, email_key(form.email)
                user.updated_at = self._clock()
                await session.flush()
        except IntegrityError as error:
            raise Conflict("There is an account with this e-mail address already.") from error
        self._audit.record(done_by(person, "account.email_changed"))
        return user

    async def confirm_password(self, person: SignedIn, password: str) -> None:
        """Raises Forbidden if it is not the person's, after which they have one try fewer, and TooManyRequests."""
        key = email_key(person.email)
        await self._throttle.before_sign_in(key, person.caller.address)
        async with self._database.reading() as session:
            stored = (await Users(session).get(person.user_id)).password_hash
        if not (await self._passwords.verify(password, stored)).fits:
            await self._throttle.sign_in_failed(key, person.caller.address)
            raise Forbidden("The password is wrong.")
        await self._throttle.before_sign_in(key, person.caller.address)  # others may have failed at the same time

    async def delete(self, person: SignedIn) -> None:
        """Everything of the account stops at once: sessions, keys, grants, memberships, servers, sources. Secrets are
        destroyed, the domains go back to the pool, and the address is free again. What stays names nobody, and goes
        with the next purge."""
        now = self._clock()
        async with self._database.writing() as session:
            user = await Users(session).get_locked(person.user_id)
            for server in await Servers(session).list_all_of(user.id):  # before their sources, as managers lock them
                await _end_server(session, server, now)
            sources = await Sources(session).list_all_of(user.id)
            for source in sources:
                await Servers(session).drop_source(source.id)
                mark_source_deleted(source, now)
            await ApiKeys(session).erase(now, made_by=user.id)
            await Grants(session).revoke_all(now=now, user_id=user.id)
            await Members(session).forget_user(user.id, user.email_key)
            await OneTimeLinks(session).delete_all(user.id)
            await Sessions(session).delete_all(user.id)
            mark_deleted(user, now)
        self._directory.forget()
        for ring in self._rings:
            ring.forget()
        for source in sources:
            await self._connections.removed(source.id)
        self._audit.record(done_by(person, "account.deleted"))

    async def _new_user(self, email: str, name: str, password: str) -> User:
        now = self._clock()
        return User(
            id=uuid4(),
            email=email,
            email_key=email_key(email),
            name=name,
            password_hash=await self._passwords.hash(password),
            is_operator=False,
            created_at=now,
            updated_at=now,
        )


async def _end_server(session: AsyncSession, server: McpServer, now: datetime) -> None:
    """Nobody gets in any longer, and nothing that people wrote stays."""
    await Servers(session).delete(server, now)
    erase(server)
    await ApiKeys(session).erase(now, server_id=server.id)
    await Grants(session).revoke_all(now=now, server_id=server.id)
    await Members(session).forget_server(server.id)


async def _use_invitation(session: AsyncSession, token: str, user: User) -> Standing | None:
    """The operator's invitation makes an account, one to a server makes it a member there, too. Raises Forbidden."""
    if await OneTimeLinks(session).use(INVITATION, token_hash(token), user.created_at) is not None:
        return None
    return await join(session, token, user, user.created_at)
