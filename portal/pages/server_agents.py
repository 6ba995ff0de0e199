"""The agents that people let in at a server, and disconnecting one."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from portal.api.views import connected_agent
from portal.pages.screen import Own
from portal.pages.server_page import Part, open_server, path_of, show
from portal.texts.catalogue import t

router = APIRouter(prefix="/servers/{server_id}/agents", include_in_schema=False)


@router.get("")
async def agents_page(server_id: UUID, screen: Own) -> Response:
    """All of them for the owner and managers; a reader sees their own."""
    seen = await open_server(screen, server_id)
    part = Part.of(screen, path_of(seen, "agents"))
    page = await screen.portal.grants.list_at(screen.person, server_id, part.window)
    values = {"agents": [connected_agent(found) for found in page.items], **part.links(page.next)}
    return show(screen, seen, "agents", values)


@router.post("/{grant_id}/disconnect")
async def disconnect(server_id: UUID, grant_id: UUID, screen: Own) -> Response:
    seen = await open_server(screen, server_id)
    await screen.portal.grants.revoke_at(screen.person, server_id, grant_id)
    return screen.go(path_of(seen, "agents"), t("servers.agents.done"))
