"""OAuth clients."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.models import Grant, OAuthClient
from repositories.upsert import insert_or


class OAuthClients:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, client_id: str) -> OAuthClient | None:
        return await self._session.scalar(select(OAuthClient).where(OAuthClient.client_id == client_id))

    async def add(self, client: OAuthClient) -> OAuthClient:
        self._session.add(client)
        await self._session.flush()
        return client

    async def keep_document(
        self,
        client_id: str,
        *,
        name: str,
        redirect_uris: Sequence[str],
        auth_method: str,
        details: Mapping[str, str],
        read_at: datetime,
        fresh_until: datetime | None,
        now: datetime,
    ) -> OAuthClient:
        """The one row of this document's client, made or brought up to date. Of parallel calls the last one stays."""
        document = {
            "name": name,
            "redirect_uris": list(redirect_uris),
            "auth_method": auth_method,
            "details": dict(details),
            "read_at": read_at,
            "fresh_until": fresh_until,
        }
        insert = insert_or(self._session, OAuthClient).values(
            client_id=client_id, kind="document", created_at=now, **document
        )
        kept = await self._session.scalars(
            insert.on_conflict_do_update(index_elements=[OAuthClient.client_id], set_=document).returning(OAuthClient),
            execution_options={"populate_existing": True},
        )
        return kept.one()

    async def mark_used(self, row_id: UUID, now: datetime) -> bool:
        """Keeps the client from being swept away. False if it is gone already."""
        marked = await self._session.scalars(
            update(OAuthClient).where(OAuthClient.id == row_id).values(used_at=now).returning(OAuthClient.id)
        )
        return marked.one_or_none() is not None

    async def sweep(self, made_before: datetime, kept: Collection[str]) -> int:
        """Removes the clients that nobody ever allowed in, except those with these ids; how many."""
        granted = exists().where(Grant.client_id == OAuthClient.id)
        gone = await self._session.scalars(
            delete(OAuthClient)
            .where(
                OAuthClient.used_at.is_(None),
                OAuthClient.created_at < made_before,
                OAuthClient.client_id.not_in(kept),
                ~granted,
            )
            .returning(OAuthClient.id)
        )
        return len(gone.all())
