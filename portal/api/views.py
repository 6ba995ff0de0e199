"""From rows to replies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from database import models
from federation.federation import SearchOutcome
from portal.context import Portal
from repositories.paging import Page
from repositories.servers import Placed
from schemas.accounts import Invitation, Session, User
from schemas.activity import Activity, SourceActivity
from schemas.listing import Listing
from schemas.servers import Explanation, Key, Place, Server, SourceUse, TriedSearch
from schemas.sources import Source

RowT = TypeVar("RowT")
ReplyT = TypeVar("ReplyT")


def listing(page: Page[RowT], view: Callable[[RowT], ReplyT]) -> Listing[ReplyT]:
    return Listing(items=[view(row) for row in page.items], next=page.next)


def user(row: models.User) -> User:
    return User(id=row.id, email=row.email, name=row.name, is_operator=row.is_operator, created_at=row.created_at)


def session(row: models.Session, current: UUID) -> Session:
    return Session(
        id=row.id,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        address=row.address,
        user_agent=row.user_agent,
        current=row.id == current,
    )


def invitation(row: models.OneTimeLink) -> Invitation:
    return Invitation(id=row.id, created_at=row.created_at, expires_at=row.expires_at)


def source(row: models.Source, secrets: Sequence[str]) -> Source:
    return Source.model_validate(
        {
            "id": row.id,
            "key": row.key,
            "name": row.name,
            "type": row.type,
            "config": row.config,
            "secrets": list(secrets),
            "status": row.status,
            "message": row.status_message,
            "checked_at": row.checked_at,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
    )


def server(placed: Placed, portal: Portal) -> Server:
    row = placed.server
    uses = [
        SourceUse(
            source_id=source.id,
            key=source.key,
            enabled=link.enabled,
            budget_ms=link.budget_ms,
            exposed_tools=link.exposed_tools,
        )
        for link, source in placed.sources
    ]
    return Server.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "domain": placed.assignment.domain,
            "url": f"{placed.assignment.url}/mcp",
            "domain_status": "serving" if portal.servers.is_in_pool(placed) else "not_in_pool",
            "access": row.access,
            "source_ids": [use.source_id for use in uses],
            "sources": uses,
            "instructions": row.instructions,
            "deadline_ms": row.deadline_ms,
            "results": row.results,
            "rerank": row.rerank,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
    )


def key(row: models.ApiKey) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        created_at=row.created_at,
    )


def activity(row: models.AuditEvent) -> Activity:
    return Activity(
        id=row.id,
        occurred_at=row.occurred_at,
        actor=row.actor,
        actor_id=row.actor_id,
        action=row.action,
        server_id=row.server_id,
        target=row.target,
        outcome=row.outcome,
        took_ms=row.took_ms,
        results=row.results,
        sources=None if row.sources is None else [SourceActivity.model_validate(source) for source in row.sources],
        address=row.address,
        agent=row.agent,
    )


def tried_search(outcome: SearchOutcome) -> TriedSearch:
    return TriedSearch(
        results=outcome.answer.results,
        sources=outcome.answer.sources,
        took_ms=outcome.took_ms,
        explanations=[
            Explanation(
                id=result.id,
                score=ranked.score,
                places=[
                    Place(key=place.key, id=f"{place.key}:{place.hit.id}", rank=place.rank) for place in ranked.places
                ],
            )
            for result, ranked in zip(outcome.answer.results, outcome.ranked, strict=True)
        ],
    )
