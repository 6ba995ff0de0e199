"""Accounts: made, changed, exported, deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from sqlalchemy.exc import IntegrityError

from auth.access import Caller, SignedIn
from auth.audit import AuditTrail, Event
from auth.limits import Throttle
from auth.passwords import Passwords
from auth.tokens import token_hash
from database.engine import Database
from database.models import User
from errors import Conflict, Forbidden
from federation.connections import Connections
from federation.directory import Directory
from portal.actions.links import INVITATION
from portal.actions.trail import done_by
from repositories.keys import ApiKeys
from repositories.links import OneTimeLinks
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
        self._clock = clock
        self._signup = signup

    async def sign_up(self, form: SignUp, caller: Caller) -> User:
        """A new account; the very first one runs the installation. Raises Forbidden where sign-up is not open to the
        caller, Conflict when the address is taken and TooManyRequests."""
        if self._signup == "closed":
            raise Forbidden("Sign-up is closed here. Ask the operator for an account.")
        if self._signup == "invite" and form.invitation is None:
            raise Forbidden("Sign-up is by invitation here. Open the link that the operator sent you.")
        await self._throttle.sign_up(caller.address)
        user = await self._new_user(form.email, form.name, form.password)
        try:
            async with self._database.writing() as session:
                if self._signup == "invite":
                    await _use_invitation(OneTimeLinks(session), form.invitation or "", user)
                users = Users(session)
                user.is_operator = await users.none_yet()
                await users.add(user)
        except IntegrityError as error:
            raise Conflict("There is an account with this e-mail address already. Sign in instead.") from error
        self._audit.record(
            Event(
                user_id=user.id,
                actor="user",
                actor_id=user.id,
                action="account.created",
                address=caller.address,
                agent=caller.user_agent,
            )
        )
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
        """Everything of the account stops at once: sessions, keys, servers, sources. Secrets are destroyed, the
        domains go back to the pool, and the address is free again."""
        now = self._clock()
        async with self._database.writing() as session:
            user = await Users(session).get_locked(person.user_id)
            servers = Servers(session)
            for server in await servers.list_all_of(user.id):
                await servers.delete(server, now)
                erase(server)
                await ApiKeys(session).revoke_all(server.id, now)
            sources = await Sources(session).list_all_of(user.id)
            for source in sources:
                await servers.drop_source(source.id)
                mark_source_deleted(source, now)
            await Sessions(session).delete_all(user.id)
            mark_deleted(user, now)
        self._directory.forget()
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


async def _use_invitation(links: OneTimeLinks, token: str, user: User) -> None:
    if await links.use(INVITATION, token_hash(token), user.created_at) is None:
        raise Forbidden("This invitation was used, withdrawn or is too old. Ask the operator for a new one.")
