"""Members of a server, and invitations to become one, on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from schemas.accounts import Email
from schemas.fields import Message, Reply

MemberRole = Literal["reader", "manager"]
"""What somebody else may be to a server; auth/rights.py says what follows from it."""

Role = Literal["owner", "manager", "reader"]
"""What a person is to a server."""

_ROLE = "reader: connect agents and search. manager: also name, instructions, keys, sources on and off."


class InvitationWrite(Message):
    email: Email = Field(description="Only the account with this address can accept.")
    role: MemberRole = Field(description=_ROLE)


class ServerInvitation(Reply):
    """One that can still be accepted."""

    id: UUID
    email: str
    role: MemberRole
    created_at: datetime
    expires_at: datetime


class NewServerInvitation(ServerInvitation):
    url: str = Field(description="The link to hand on; it is shown once and works once.")
    token: str


class InvitationAccept(Message):
    token: str = Field(max_length=100, description="From the link.")


class Member(Reply):
    user_id: UUID
    name: str
    email: str
    role: MemberRole
    created_at: datetime = Field(description="When they joined.")


class MemberPatch(Message):
    role: MemberRole = Field(description=_ROLE)
