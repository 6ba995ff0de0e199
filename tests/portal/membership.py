"""Making members for tests, and what their agents hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from auth.tokens import ACCESS_PREFIX, new_token
from database.models import DomainAssignment, Grant, OAuthClient, OAuthToken
from tests.stand import Person, Stand


async def invite(owner: Person, server: dict[str, Any], email: str, role: str = "reader") -> dict[str, Any]:
    """The answer to a new invitation, with its token."""
    reply = await owner.http.post(
        f"/api/v1/mcp-servers/{server['id']}/invitations", json={"email": email, "role": role}
    )
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def joined(
    gatehouse: Stand, owner: Person, server: dict[str, Any], role: str = "reader", name: str = "member"
) -> Person:
    """A new account that is a member of the server."""
    person = await gatehouse.person(name)
    made = await invite(owner, server, person.email, role)
    reply = await person.http.post("/api/v1/invitations/accept", json={"token": made["token"]})
    assert reply.status_code == 200, reply.text
    return person


async def granted(
    gatehouse: Stand, person: Person, server: dict[str, Any], *scopes: str, lasting: timedelta = timedelta(days=1)
) -> str:
    """An access token of an agent that this person let in at the server; mcp:read unless said. Whether they may is not
    asked: that is the door's to decide."""
    house, token = gatehouse.gatehouse, new_token(ACCESS_PREFIX)
    now, wanted = house._clock(), list(scopes) or ["mcp:read"]
    client = OAuthClient(
        id=uuid4(), client_id=f"client-{uuid4()}", kind="registered", name="Agent", redirect_uris=[],
        auth_method="none", details={}, created_at=now, used_at=now,
    )  # fmt: skip
    async with house.database.writing() as session:
        held = select(DomainAssignment.id).where(
            DomainAssignment.server_id == UUID(server["id"]), DomainAssignment.released_at.is_(None)
        )
        grant = Grant(
            id=uuid4(), user_id=UUID(person.id), server_id=UUID(server["id"]), client_id=client.id, scopes=wanted,
            assignment_id=(await session.scalars(held)).one(), created_at=now,
        )  # fmt: skip
        row = OAuthToken(
            id=uuid4(), grant_id=grant.id, kind="access", token_hash=token.hash, scopes=wanted, created_at=now,
            expires_at=now + lasting,
        )  # fmt: skip
        for one in (client, grant, row):
            session.add(one)
            await session.flush()
    return token.text
