"""What people did, as events of the audit trail."""

from __future__ import annotations

from uuid import UUID

from auth.access import SignedIn
from auth.audit import Event


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
