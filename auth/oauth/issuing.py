"""Codes into tokens, tokens into their successors, and the end of both.

A refresh token is exchanged once; the next ones follow from it under a key of ours. So whoever lost a reply and asks
again within a minute gets the very same tokens, and we still store hashes alone. Any other reuse ends the whole grant:
somebody has a copy (RFC 9700, section 4.14.2).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from auth.audit import AuditTrail, Event
from auth.oauth.access import AgentTokens
from auth.oauth.clients import Client
from auth.oauth.resources import gateway_of, resource_of
from auth.signatures import Signatures
from auth.tokens import ACCESS_PREFIX, REFRESH_PREFIX, RandomToken, new_token, token_hash
from database.engine import Database
from database.models import AuthorizationCode, OAuthToken
from errors import OAuthError
from repositories.grants import Grants, Held, Revoked
from repositories.oauth import ACCESS, REFRESH, AuthorizationCodes, OAuthTokens

ACCESS_LIFETIME: Final = timedelta(hours=1)
REFRESH_LIFETIME: Final = timedelta(days=30)
GRACE: Final = timedelta(seconds=60)

_KEPT: Final = timedelta(days=1)
"""How long the expired are still known, so that their reuse is noticed."""
_SWEEP_EVERY: Final = timedelta(minutes=10)
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_SUCCESSORS: Final = "successor of a refresh token"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeExchange:
    """What a client sends with its code."""

    code: str
    verifier: str
    redirect_uri: str | None
    resource: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """What a client sends with its refresh token."""

    token: str
    scope: str | None
    resource: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    access_token: str
    refresh_token: str
    expires_in: timedelta
    scopes: tuple[str, ...]


class Issuing:
    def __init__(
        self,
        *,
        database: Database,
        signatures: Signatures,
        tokens: AgentTokens,
        audit: AuditTrail,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._signatures = signatures
        self._tokens = tokens
        self._audit = audit
        self._clock = clock
        self._sweep_at: datetime | None = None

    async def exchange(self, client: Client, asked: CodeExchange) -> Issued:
        """Raises OAuthError. A code that comes a second time ends what came of it the first time."""
        now = self._clock()
        async with self._database.reading() as session:
            found = await AuthorizationCodes(session).find(token_hash(asked.code))
            held = None if found is None else await Grants(session).find_held(found[1].id)
        if found is None or found[1].client_id != client.row_id:
            raise _invalid_grant("This code is not known. Start again.")
        code = found[0]
        if code.used_at is None:
            _check_exchange(code, asked, now)
            if held is None:
                raise _invalid_grant("What this code stands for was taken back, or its server is gone. Start again.")
            access, refresh = new_token(ACCESS_PREFIX), new_token(REFRESH_PREFIX)
            rows = _rows(code.grant_id, access, refresh, code.scopes, code.scopes, now)
            async with self._database.writing() as session:
                won = await AuthorizationCodes(session).use(code.id, now)
                if won:
                    await OAuthTokens(session).add_all(rows)
            if won:
                return _issued(access, refresh, rows[0], now)
        await self._end_reused(code.grant_id, now)
        raise _invalid_grant("This code was used before, so everything that came of it has ended. Start again.")

    async def refresh(self, client: Client, asked: Refresh) -> Issued:
        """Raises OAuthError. A refresh token that comes again after its minute of grace, or after its successor was
        used, ends the grant."""
        now = self._clock()
        async with self._database.reading() as session:
            found = await OAuthTokens(session).find(token_hash(asked.token))
            held = None if found is None else await Grants(session).find_held(found[1].id)
        if found is None or found[0].kind != REFRESH or found[1].client_id != client.row_id:
            raise _invalid_grant("This refresh token is not known. Sign in again.")
        token = found[0]
        if held is None or token.revoked_at is not None or token.expires_at <= now:
            raise _invalid_grant("This refresh token has expired or was revoked. Sign in again.")
        scopes = _narrowed(token, asked.scope)
        _check_resource(resource_of(held.url), asked.resource)
        access, refresh = self._successors(asked.token)
        if token.used_at is None:
            rows = _rows(token.grant_id, access, refresh, scopes, token.scopes, now)
            async with self._database.writing() as session:
                won = await OAuthTokens(session).use(token.id, now)
                if won:
                    await OAuthTokens(session).add_all(rows)
            if won:
                return _issued(access, refresh, rows[0], now)
        again = await self._issued_before(token.id, access, refresh, now)
        if again is not None:
            return again
        await self._end_reused(token.grant_id, now, held)
        raise _invalid_grant("This refresh token was used before, so the access has ended. Sign in again.")

    async def revoke(self, client: Client, text: str) -> None:
        """Ends an access token, or with a refresh token the whole grant. Tokens of others are left as they are, and
        nobody is told which case it was (RFC 7009, section 2.2)."""
        now = self._clock()
        ended: Sequence[Revoked] = ()
        async with self._database.writing() as session:
            found = await OAuthTokens(session).find(token_hash(text))
            if found is None or found[1].client_id != client.row_id:
                return
            if found[0].kind == ACCESS:
                await OAuthTokens(session).revoke(found[0].id, now)
            else:
                ended = await Grants(session).revoke_all(now=now, grant_id=found[1].id)
        self._tokens.forget()
        for grant in ended:
            self._audit.record(_event("grant.revoked", grant.user_id, grant))

    async def sweep(self) -> None:
        """Removes what has been expired for a day. May be called often: it looks every ten minutes."""
        now = self._clock()
        if self._sweep_at is not None and now < self._sweep_at:
            return
        self._sweep_at = now + _SWEEP_EVERY
        before = now - _KEPT
        async with self._database.writing() as session:
            await AuthorizationCodes(session).sweep(before)
            await OAuthTokens(session).sweep(before)

    def _successors(self, refresh_token: str) -> tuple[RandomToken, RandomToken]:
        """The access and the refresh token that follow this one: 256 bits each, always the same."""
        access, refresh = (
            prefix + self._signatures.sign(_SUCCESSORS, f"{prefix}:{refresh_token}")
            for prefix in (ACCESS_PREFIX, REFRESH_PREFIX)
        )
        return RandomToken(access, token_hash(access)), RandomToken(refresh, token_hash(refresh))

    async def _issued_before(
        self, used_id: UUID, access: RandomToken, refresh: RandomToken, now: datetime
    ) -> Issued | None:
        """What the used token was exchanged for, if it may be told once more: its reply was perhaps lost."""
        async with self._database.reading() as session:
            tokens = OAuthTokens(session)
            used, first, second = (
                await tokens.get(used_id),
                await tokens.find(access.hash),
                await tokens.find(refresh.hash),
            )
        if first is None or second is None or used.used_at is None:
            return None
        if now - used.used_at > GRACE or second[0].used_at is not None:
            return None
        return _issued(access, refresh, first[0], now)

    async def _end_reused(self, grant_id: UUID, now: datetime, held: Held | None = None) -> None:
        """In a transaction of its own: it outlives the refusal."""
        async with self._database.writing() as session:
            grants = Grants(session)
            held = held or await grants.find_held(grant_id)
            ended = await grants.revoke_all(now=now, grant_id=grant_id)
        self._tokens.forget()
        for grant in ended:
            for trail in {grant.user_id, held.owner_id if held else grant.user_id}:
                self._audit.record(_event("token.reuse", trail, grant, outcome="refused"))


def _check_exchange(code: AuthorizationCode, asked: CodeExchange, now: datetime) -> None:
    """Raises OAuthError unless everything that was said with the code's request is said again."""
    if code.expires_at <= now:
        raise _invalid_grant("This code has expired: it is good for a minute. Start again.")
    if asked.redirect_uri != code.redirect_uri and (code.redirect_uri_given or asked.redirect_uri is not None):
        raise _invalid_grant("redirect_uri must be the one of the authorization request.")
    if _VERIFIER.fullmatch(asked.verifier) is None:
        raise _invalid_grant("code_verifier must be 43 to 128 characters, each a letter, a digit or one of -._~")
    digest = hashlib.sha256(asked.verifier.encode()).digest()
    if not hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), code.challenge):
        raise _invalid_grant("code_verifier does not belong to the code_challenge of the authorization request.")
    _check_resource(code.resource, asked.resource)


def _check_resource(granted: str, asked: str | None) -> None:
    if asked is not None and resource_of(gateway_of(asked)) != granted:
        raise OAuthError("invalid_target", "resource must be the one that access was granted to.")


def _narrowed(token: OAuthToken, asked: str | None) -> Sequence[str]:
    """The scopes of the next access token. Raises OAuthError for one that was not granted."""
    wanted = token.scopes if asked is None else asked.split()
    if not wanted or not set(wanted) <= set(token.scopes):
        raise OAuthError("invalid_scope", f"Granted is {' '.join(token.scopes)}; ask for no more, or sign in again.")
    return [scope for scope in token.scopes if scope in wanted]


def _rows(
    grant_id: UUID,
    access: RandomToken,
    refresh: RandomToken,
    access_scopes: Sequence[str],
    granted: Sequence[str],
    now: datetime,
) -> tuple[OAuthToken, OAuthToken]:
    kinds = (
        (ACCESS, access, access_scopes, ACCESS_LIFETIME),
        (REFRESH, refresh, granted, REFRESH_LIFETIME),
    )
    first, second = (
        OAuthToken(
            id=uuid4(),
            grant_id=grant_id,
            kind=kind,
            token_hash=token.hash,
            scopes=list(scopes),
            created_at=now,
            expires_at=now + lifetime,
        )
        for kind, token, scopes, lifetime in kinds
    )
    return first, second


def _issued(access: RandomToken, refresh: RandomToken, row: OAuthToken, now: datetime) -> Issued:
    return Issued(
        access_token=access.text,
        refresh_token=refresh.text,
        expires_in=row.expires_at - now,
        scopes=tuple(row.scopes),
    )


def _event(action: str, trail: UUID, grant: Revoked, *, outcome: str = "ok") -> Event:
    return Event(
        user_id=trail,
        actor="agent",
        actor_id=grant.id,
        action=action,
        server_id=grant.server_id,
        target=str(grant.id),
        outcome=outcome,
    )


def _invalid_grant(message: str) -> OAuthError:
    return OAuthError("invalid_grant", message)
