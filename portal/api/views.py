"""From rows to replies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from auth.oauth.documents import host_of
from database import models
from federation.federation import SearchOutcome
from federation.ranking.ranking import Ranked
from portal.context import Portal
from repositories.grants import Connected
from repositories.keys import HeldKey
from repositories.paging import Page
from repositories.servers import Seen
from schemas.accounts import Invitation, Session, User
from schemas.activity import Activity, SourceActivity
from schemas.export import ExportedGrant, ExportedKey
from schemas.grants import ConnectedAgent, GrantedBy, GrantedClient
from schemas.listing import Listing
from schemas.members import Member, ServerInvitation
from schemas.servers import Explanation, Key, KeyMaker, MatchedWord, Meaning, Place, Server, SourceUse, TriedSearch
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


def server(seen: Seen, portal: Portal) -> Server:
    row = seen.server
    uses = [
        SourceUse(
            source_id=source.id,
            key=source.key,
            name=source.name,
            type=source.type,
            enabled=link.enabled,
            budget_ms=link.budget_ms,
            exposed_tools=link.exposed_tools,
        )
        for link, source in seen.sources
    ]
    return Server.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "role": seen.role,
            "owner_name": seen.owner_name,
            "domain": seen.assignment.domain,
            "url": f"{seen.assignment.url}/mcp",
            "domain_status": "serving" if portal.servers.is_in_pool(seen) else "not_in_pool",
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


def member(pair: tuple[models.Member, models.User]) -> Member:
    row, person = pair
    return Member(user_id=row.user_id, name=person.name, email=person.email, role=row.role, created_at=row.created_at)


def server_invitation(row: models.ServerInvitation) -> ServerInvitation:
    return ServerInvitation(
        id=row.id, email=row.email, role=row.role, created_at=row.created_at, expires_at=row.expires_at
    )


def connected_agent(found: Connected) -> ConnectedAgent:
    grant, client, person = found.grant, found.client, found.user
    return ConnectedAgent(
        id=grant.id,
        client=GrantedClient(name=client.name, host=host_of(client.client_id) if client.kind == "document" else None),
        server_id=grant.server_id,
        server_name=found.server.name,
        user=GrantedBy(id=person.id, name=person.name, email=person.email),
        scopes=list(grant.scopes),
        created_at=grant.created_at,
        last_used_at=grant.last_used_at,
    )


def key_maker(row: models.User) -> KeyMaker:
    return KeyMaker(id=row.id, name=row.name, email=row.email)


def key(row: models.ApiKey, maker: KeyMaker) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        created_by=maker,
        prefix=row.prefix,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        created_at=row.created_at,
    )


def held_key(held: HeldKey) -> Key:
    return key(held.key, key_maker(held.maker))


def exported_key(row: models.ApiKey, maker: models.User) -> ExportedKey:
    return ExportedKey(**key(row, key_maker(maker)).model_dump(), server_id=row.server_id)


def exported_grant(one: Connected) -> ExportedGrant:
    return ExportedGrant(
        id=one.grant.id,
        agent=one.client.name,
        server_id=one.grant.server_id,
        scopes=one.grant.scopes,
        created_at=one.grant.created_at,
        last_used_at=one.grant.last_used_at,
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
        reused=sorted(outcome.reused),
        rerank=outcome.reranking.value,
        explanations=[
            _explanation(result.id, ranked)
            for result, ranked in zip(outcome.answer.results, outcome.ranked, strict=True)
        ],
    )


def _explanation(id: str, ranked: Ranked) -> Explanation:
    meaning = ranked.meaning
    return Explanation(
        id=id,
        score=ranked.score,
        text_points=ranked.text_points,
        rank_points=ranked.rank_points,
        words=[
            MatchedWord(word=word.word, count=word.count, in_title=word.in_title, points=word.points)
            for word in ranked.words
        ],
        places=[
            Place(
                key=place.key,
                id=f"{place.key}:{place.hit.id}",
                rank=place.rank,
                points=place.points,
                text="peeked" if place.peeked else "found" if place.hit.text else "none",
            )
            for place in ranked.places
        ],
        meaning=meaning
        and Meaning(
            similarity=meaning.similarity, rank=meaning.rank, rank_by_words=meaning.rank_by_words, score=meaning.score
        ),
    )
