"""What people did, as events of the audit trail."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from auth.access import SignedIn
from auth.audit import AuditTrail, Event
from database.models import McpServer


def done_by(person: SignedIn, action: str, *, target: str | None = None, server_id: UUID | None = None) -> Event:
    """The person did this to something of their own."""
    return Event(
        user_id=person.user_id,
        actor="user",
        actor_id=person.user_id,
        action=action,
        target=target,
        server_id=server_id,
        address=person.caller.address,
        agent=person.caller.user_agent,
    )


def record_at_server(
    audit: AuditTrail,
    person: SignedIn,
    server: McpServer,
    action: str,
    *,
    target: str | None = None,
    member_id: UUID | None = None,
) -> None:
    """The person did this to a server of their own or of somebody else; `member_id` is whom else it concerns."""
    event = done_by(person, action, target=target, server_id=server.id)
    record_widely(audit, event, owner_id=server.user_id, member_id=member_id)


def record_widely(audit: AuditTrail, event: Event, *, owner_id: UUID, member_id: UUID | None = None) -> None:
    """The event goes to the trail of who did it, to that of the server's owner, and to that of the member whom it
    concerns, who is not told from where it was done."""
    for user_id in dict.fromkeys(one for one in (event.user_id, owner_id, member_id) if one is not None):
        if user_id in (event.user_id, owner_id):
            audit.record(replace(event, user_id=user_id))
        else:
            audit.record(replace(event, user_id=user_id, address=None, agent=None))
