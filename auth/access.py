"""Who asks: a person signed in at the portal, or an agent at a gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from auth.rates import Rates
from auth.tokens import SessionTokens
from database.engine import Database
from database.models import User
from errors import Forbidden, Unauthenticated
from repositories.sessions import Sessions

_SEEN_PRECISION: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Where a request comes from."""

    address: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A person with a live session."""

    user_id: UUID
    session_id: UUID
    email: str
    name: str
    is_operator: bool
    created_at: datetime
    caller: Caller


class Doorkeeper:
    """Tells whom a session token belongs to. Asks the database each time, so that a sign-out holds everywhere."""

    def __init__(self, database: Database, tokens: SessionTokens, rates: Rates, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._rates = rates
        self._tokens = tokens
        self._clock = clock

    async def admit(self, token: str, caller: Caller) -> SignedIn:
        """Raises Unauthenticated, and TooManyRequests: a live session counts for its account, anything else for the
        caller's address."""
        try:
            person = await self._find(token, caller)
        except Unauthenticated:
            await self._rates.stranger(caller.address)
            raise
        await self._rates.person(session_id=person.session_id, user_id=person.user_id)
        return person

    async def _find(self, token: str, caller: Caller) -> SignedIn:
        claims = self._tokens.read(token)
        now = self._clock()
        async with self._database.reading() as session:
            found = await Sessions(session).find_live(claims.session_id, now)
        if found is None or found[1].id != claims.user_id:
            raise Unauthenticated("This session is over. Sign in again.")
        row, user = found
        if now - row.last_seen_at > _SEEN_PRECISION:
            async with self._database.writing() as session:
                await Sessions(session).touch(row.id, now)
        return _signed_in(user, row.id, caller)


def require_operator(person: SignedIn) -> None:
    """Raises Forbidden for everyone else."""
    if not person.is_operator:
        raise Forbidden("Only the operator of this installation may do that.")


def _signed_in(user: User, session_id: UUID, caller: Caller) -> SignedIn:
    return SignedIn(
        user_id=user.id,
        session_id=session_id,
        email=user.email,
        name=user.name,
        is_operator=user.is_operator,
        created_at=user.created_at,
        caller=caller,
    )
