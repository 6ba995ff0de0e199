"""The first page of a server: its address, and how each kind of agent is connected to it. For members, leaving it."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from auth.rights import may_own
from errors import Conflict
from portal.pages.screen import Own
from portal.pages.server_page import open_server, show, url_of
from portal.pages.server_steps import clients, is_local
from portal.texts.catalogue import t

router = APIRouter(prefix="/servers/{server_id}", include_in_schema=False)


@router.get("")
async def connect_page(server_id: UUID, screen: Own) -> Response:
    seen = await open_server(screen, server_id)
    url = url_of(seen)
    steps = clients(url, is_public=seen.server.access == "public")
    return show(screen, seen, "connect", {"clients": steps, "local": is_local(url)})


@router.get("/leave")
async def leave_page(server_id: UUID, screen: Own) -> Response:
    """For members; the owner is told what there is instead."""
    seen = await open_server(screen, server_id)
    if may_own(seen.role):
        raise Conflict(t("servers.leave.owner"))
    return show(screen, seen, "connect", {}, template="server_leave.html")


@router.post("/leave")
async def leave(server_id: UUID, screen: Own) -> Response:
    seen = await open_server(screen, server_id)
    if may_own(seen.role):
        raise Conflict(t("servers.leave.owner"))
    name = seen.server.name
    await screen.portal.members.remove(screen.person, server_id, screen.person.user_id)
    return screen.go("/servers", t("servers.leave.done", name=name))
