"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from auth.access import Caller, SignedIn
from auth.audit import AuditTrail, Event
from auth.limits import Throttle
from auth.passwords import Passwords
from auth.tokens import SESSION_LIFETIME, SessionClaims, SessionTokens
from database.engine import Database
from database.models import Session, User
from errors import Unauthenticated
from portal.actions.accounts import Accounts
from portal.actions.trail import done_by
from repositories.paging import Page, Window
from repositories.sessions import Sessions
from repositories.users import Users, email_key
from schemas.accounts import ChangePassword, SignIn


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session and the token that stands for it."""

    user: User
    token: str


class SessionActions:
    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        passwords: Passwords,
        tokens: SessionTokens,
        throttle: Throttle,
        audit: AuditTrail,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._passwords = passwords
        self._tokens = tokens
        self._throttle = throttle
        self._audit = audit
        self._clock = clock

    async def sign_in(self, form: SignIn, caller: Caller) -> Opened:
        """Raises Unauthenticated, in the same words and after the same work whatever was wrong, and TooManyRequests."""
        key = email_key(form.email)
        await self._throttle.before_sign_in(key, caller.address)
        async with self._database.reading() as session:
            user = await Users(session).find_by_email(form.email)
        verdict = await self._passwords.verify(form.password, user.password_hash if user else None)
        if user is None or not verdict.fits:
            self._record("session.refused", user, caller, outcome="refused")
            await self._throttle.sign_in_failed(key, caller.address)
            raise Unauthenticated("The e-mail address or the password is wrong.")
        await self._throttle.before_sign_in(key, caller.address)  # others may have failed while this one was looked at
        opened = await self._open(user.id, caller, expected_hash=user.password_hash, better_hash=verdict.better_hash)
        await self._throttle.sign_in_succeeded(key)
        self._record("session.opened", user, caller)
        return opened

    async def sign_out(self, person: SignedIn) -> None:
        await self.revoke(person, person.session_id)

    async def list_live(self, person: SignedIn, window: Window) -> Page[Session]:
        async with self._database.reading() as session:
            return await Sessions(session).list_live(person.user_id, self._clock(), window)

    async def revoke(self, person: SignedIn, session_id: UUID) -> None:
        """Raises NotFound for a session that is over or somebody else's."""
        async with self._database.writing() as session:
            await Sessions(session).revoke(person.user_id, session_id, self._clock())
        self._audit.record(done_by(person, "session.closed", target=str(session_id)))

    async def revoke_others(self, person: SignedIn) -> None:
        """Every session of the account but this one."""
        async with self._database.writing() as session:
            await Sessions(session).revoke_all(person.user_id, self._clock(), but=person.session_id)
        self._audit.record(done_by(person, "session.others_closed"))

    async def change_password(self, person: SignedIn, form: ChangePassword) -> Opened:
        """Ends every session of the account and opens a new one. Raises Forbidden if the current one is wrong."""
        await self._accounts.confirm_password(person, form.current)
        new_hash = await self._passwords.hash(form.new)
        now = self._clock()
        async with self._database.writing() as session:
            user = await Users(session).get_locked(person.user_id)
            user.password_hash = new_hash
            user.updated_at = now
            await Sessions(session).revoke_all(user.id, now)
        self._audit.record(done_by(person, "password.changed"))
        return await self._open(user.id, person.caller, expected_hash=new_hash)

    async def _open(
        self, user_id: UUID, caller: Caller, *, expected_hash: str, better_hash: str | None = None
    ) -> Opened:
        """Raises Unauthenticated if the account was deleted, or its password changed, since it was looked at."""
        now = self._clock()
        row = Session(
            id=uuid4(),
            user_id=user_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + SESSION_LIFETIME,
            user_agent=caller.user_agent[:300],
            address=caller.address[:64],
        )
        async with self._database.writing() as session:
            user = await Users(session).find_locked(user_id)
            if user is None or user.password_hash != expected_hash:
                raise Unauthenticated("The e-mail address or the password is wrong.")
            if better_hash is not None:
                user.password_hash = better_hash
            await Sessions(session).add(row)
        token = self._tokens.issue(SessionClaims(user.id, row.id), now, row.expires_at)
        return Opened(user, token)

    def _record(self, action: str, user: User | None, caller: Caller, *, outcome: str = "ok") -> None:
        known = None if user is None else user.id
        self._audit.record(
            Event(
                user_id=known,
                actor="user",
                actor_id=known,
                action=action,
                outcome=outcome,
                address=caller.address,
                agent=caller.user_agent,
            )
        )
