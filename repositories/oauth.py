"""Authorization codes and tokens, looked up by their hashes, and the issuer they come from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import AuthorizationCode, Grant, Issuer, OAuthToken
from repositories.grants import Held, held_grants
from repositories.upsert import insert_or

ACCESS: Final = "access"
REFRESH: Final = "refresh"

_THE_ROW: Final = 1


class AuthorizationCodes:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, code: AuthorizationCode) -> AuthorizationCode:
        self._session.add(code)
        await self._session.flush()
        return code

    async def find(self, code_hash: str) -> tuple[AuthorizationCode, Grant] | None:
        """The code, whatever its state, and the grant it belongs to, whatever its state."""
        found = await self._session.execute(
            select(AuthorizationCode, Grant)
            .join(Grant, Grant.id == AuthorizationCode.grant_id)
            .where(AuthorizationCode.code_hash == code_hash)
        )
        row = found.one_or_none()
        return None if row is None else (row[0], row[1])

    async def use(self, code_id: UUID, now: datetime) -> bool:
        """Whether it had not been used. Of parallel calls one is told so."""
        taken = await self._session.scalars(
            update(AuthorizationCode)
            .where(AuthorizationCode.id == code_id, AuthorizationCode.used_at.is_(None))
            .values(used_at=now)
            .returning(AuthorizationCode.id)
        )
        return taken.one_or_none() is not None

    async def sweep(self, expired_before: datetime) -> None:
        await self._session.execute(delete(AuthorizationCode).where(AuthorizationCode.expires_at < expired_before))


class OAuthTokens:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add_all(self, tokens: Sequence[OAuthToken]) -> None:
        self._session.add_all(tokens)
        await self._session.flush()

    async def find(self, token_hash: str) -> tuple[OAuthToken, Grant] | None:
        """The token, whatever its kind and state, and the grant it belongs to, whatever its state."""
        found = await self._session.execute(
            select(OAuthToken, Grant)
            .join(Grant, Grant.id == OAuthToken.grant_id)
            .where(OAuthToken.token_hash == token_hash)
        )
        row = found.one_or_none()
        return None if row is None else (row[0], row[1])

    async def get(self, token_id: UUID) -> OAuthToken:
        return (await self._session.scalars(select(OAuthToken).where(OAuthToken.id == token_id))).one()

    async def find_access(self, token_hash: str, now: datetime) -> tuple[OAuthToken, Held] | None:
        """An access token that opens its server now."""
        found = await self._session.execute(
            held_grants()
            .add_columns(OAuthToken)
            .join(OAuthToken, OAuthToken.grant_id == Grant.id)
            .where(
                OAuthToken.token_hash == token_hash,
                OAuthToken.kind == ACCESS,
                OAuthToken.revoked_at.is_(None),
                OAuthToken.expires_at > now,
            )
        )
        row = found.one_or_none()
        return None if row is None else (row[4], Held(row[0], row[1], row[2], row[3]))

    async def use(self, token_id: UUID, now: datetime) -> bool:
        """Whether this refresh token had not been exchanged. Of parallel calls one is told so."""
        taken = await self._session.scalars(
            update(OAuthToken)
            .where(OAuthToken.id == token_id, OAuthToken.used_at.is_(None), OAuthToken.revoked_at.is_(None))
            .values(used_at=now)
            .returning(OAuthToken.id)
        )
        return taken.one_or_none() is not None

    async def revoke(self, token_id: UUID, now: datetime) -> None:
        await self._session.execute(
            update(OAuthToken).where(OAuthToken.id == token_id, OAuthToken.revoked_at.is_(None)).values(revoked_at=now)
        )

    async def sweep(self, expired_before: datetime) -> None:
        await self._session.execute(delete(OAuthToken).where(OAuthToken.expires_at < expired_before))


class Issuers:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self) -> str | None:
        """The issuer that agents know; None before the first start."""
        return await self._session.scalar(select(Issuer.url).where(Issuer.id == _THE_ROW))

    async def adopt(self, url: str, now: datetime) -> None:
        values = {"url": url, "adopted_at": now}
        insert = insert_or(self._session, Issuer).values(id=_THE_ROW, **values)
        await self._session.execute(insert.on_conflict_do_update(index_elements=[Issuer.id], set_=values))
