"""Who shares a server: members with their roles, and invitations, whose links are shown once."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from auth.rights import Right, may_own
from errors import GatehouseError
from portal.actions.members import MadeInvitation
from portal.pages.screen import Own, OwnScreen
from portal.pages.server_page import Part, open_server, path_of, show
from portal.refusals import Refusal, parse
from portal.texts.catalogue import t
from repositories.paging import Window
from repositories.servers import Seen
from schemas.members import InvitationWrite, MemberPatch

_MOST = Window(100)
"""More than this many members and invitations a server cannot have."""

router = APIRouter(prefix="/servers/{server_id}", include_in_schema=False)


@router.get("/members")
async def members_page(server_id: UUID, screen: Own) -> Response:
    return await _page(screen, await open_server(screen, server_id, Right.EDIT))


@router.post("/members/{user_id}/role")
async def change_role(server_id: UUID, user_id: UUID, screen: Own) -> Response:
    seen = await open_server(screen, server_id, Right.OWN)
    try:
        role = parse(MemberPatch, {"role": screen.typed.get("role")}).role
    except GatehouseError as error:
        return await _page(screen, seen, Refusal.of(error, shown=()))
    _, user = await screen.portal.members.change_role(screen.person, server_id, user_id, role)
    said = t("servers.members.role_done", name=user.name, role=t(f"servers.roles.{role}"))
    return screen.go(path_of(seen, "members"), said)


@router.post("/members/{user_id}/remove")
async def remove(server_id: UUID, user_id: UUID, screen: Own) -> Response:
    seen = await open_server(screen, server_id, Right.OWN)
    await screen.portal.members.remove(screen.person, server_id, user_id)
    return screen.go(path_of(seen, "members"), t("servers.members.removed"))


@router.post("/invitations")
async def invite(server_id: UUID, screen: Own) -> Response:
    """The link stands on the page that answers, and nowhere again."""
    seen, typed = await open_server(screen, server_id, Right.OWN), screen.typed
    try:
        form = parse(InvitationWrite, {"email": typed.get("email"), "role": typed.get("role")})
        made = await screen.portal.members.invite(screen.person, server_id, form)
    except GatehouseError as error:
        return await _page(screen, seen, Refusal.of(error, shown=("email", "role")))
    return await _page(screen, seen, made=made)


@router.post("/invitations/{invitation_id}/withdraw")
async def withdraw(server_id: UUID, invitation_id: UUID, screen: Own) -> Response:
    seen = await open_server(screen, server_id, Right.OWN)
    await screen.portal.members.revoke_invitation(screen.person, server_id, invitation_id)
    return screen.go(path_of(seen, "members"), t("servers.invite.withdrawn"))


async def _page(
    screen: OwnScreen, seen: Seen, refusal: Refusal | None = None, made: MadeInvitation | None = None
) -> Response:
    members, person, id_ = screen.portal.members, screen.person, seen.server.id
    part = Part.of(screen, path_of(seen, "members"))
    page = await members.list_of(person, id_, part.window)
    open_ = (await members.list_invitations(person, id_, _MOST)).items if may_own(seen.role) else ()
    values = {
        "members": page.items,
        "invitations": open_,
        "made": made,
        "email": screen.typed.get("email") if refusal else "",
        "role": screen.typed.get("role", "reader") if refusal else "reader",
        **part.links(page.next),
    }
    return show(screen, seen, "members", values, refusal)
