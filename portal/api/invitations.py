"""Invitations to sign up, made by the operator."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from portal.api import views
from portal.api.dependencies import Part, Person, Use
from schemas.accounts import Invitation, NewInvitation
from schemas.listing import Listing

router = APIRouter(prefix="/invitations", tags=["operator"])


@router.get("", summary="Open invitations")
async def list_invitations(portal: Use, person: Person, part: Part) -> Listing[Invitation]:
    return views.listing(await portal.links.list_invitations(person, part), views.invitation)


@router.post("", status_code=201, summary="Make an invitation")
async def invite(portal: Use, person: Person) -> NewInvitation:
    """A link that makes one account within seven days. No mail is sent: hand it on yourself."""
    made = await portal.links.invite(person)
    return NewInvitation(**views.invitation(made.row).model_dump(), url=made.url, token=made.token)


@router.delete("/{invitation_id}", status_code=204, summary="Withdraw an invitation")
async def withdraw_invitation(invitation_id: UUID, portal: Use, person: Person) -> None:
    await portal.links.withdraw_invitation(person, invitation_id)
