"""Members of a server, and invitations to become one."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from portal.api import views
from portal.api.dependencies import Part, Person, Use
from schemas.listing import Listing
from schemas.members import (
    InvitationAccept,
    InvitationWrite,
    Member,
    MemberPatch,
    NewServerInvitation,
    ServerInvitation,
)
from schemas.servers import Server

router = APIRouter(tags=["members"])

_SERVER = "/mcp-servers/{server_id}"


@router.get(f"{_SERVER}/members", summary="Members of a server")
async def list_members(server_id: UUID, portal: Use, person: Person, part: Part) -> Listing[Member]:
    """For its owner and managers. The owner is no member."""
    return views.listing(await portal.members.list_of(person, server_id, part), views.member)


@router.patch(f"{_SERVER}/members/{{user_id}}", summary="Give a member another role")
async def change_member(server_id: UUID, user_id: UUID, form: MemberPatch, portal: Use, person: Person) -> Member:
    """By the owner. The keys that a manager made stop when they become a reader."""
    return views.member(await portal.members.change_role(person, server_id, user_id, form.role))


@router.delete(f"{_SERVER}/members/{{user_id}}", status_code=204, summary="Remove a member, or leave")
async def remove_member(server_id: UUID, user_id: UUID, portal: Use, person: Person) -> None:
    """By the owner; members remove themselves. Their agents and the keys they made stop at once."""
    await portal.members.remove(person, server_id, user_id)


@router.get(f"{_SERVER}/invitations", summary="Open invitations to a server")
async def list_server_invitations(
    server_id: UUID, portal: Use, person: Person, part: Part
) -> Listing[ServerInvitation]:
    """For its owner."""
    return views.listing(await portal.members.list_invitations(person, server_id, part), views.server_invitation)


@router.post(f"{_SERVER}/invitations", status_code=201, summary="Invite somebody to a server")
async def invite_to_server(server_id: UUID, form: InvitationWrite, portal: Use, person: Person) -> NewServerInvitation:
    """A link that makes the account with this address a member within seven days. An earlier one for the same address
    stops working. No mail is sent: hand the link on yourself."""
    made = await portal.members.invite(person, server_id, form)
    return NewServerInvitation(**views.server_invitation(made.row).model_dump(), url=made.url, token=made.token)


@router.delete(f"{_SERVER}/invitations/{{invitation_id}}", status_code=204, summary="Revoke an invitation to a server")
async def revoke_server_invitation(server_id: UUID, invitation_id: UUID, portal: Use, person: Person) -> None:
    await portal.members.revoke_invitation(person, server_id, invitation_id)


@router.post("/invitations/accept", summary="Accept an invitation to a server")
async def accept_invitation(form: InvitationAccept, portal: Use, person: Person) -> Server:
    """As the account with the address that was invited. Answers with the server."""
    return views.server(await portal.members.accept(person, form.token), portal)
