"""Connected agents: of a person, and of a server."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from portal.api import views
from portal.api.dependencies import Part, Person, Use
from schemas.grants import ConnectedAgent
from schemas.listing import Listing

router = APIRouter(tags=["connected agents"])


@router.get("/me/grants", summary="Agents that you let in")
async def list_my_grants(portal: Use, person: Person, part: Part) -> Listing[ConnectedAgent]:
    """At your own servers and at those that you are a member of."""
    return views.listing(await portal.grants.list_mine(person, part), views.connected_agent)


@router.delete("/me/grants/{grant_id}", status_code=204, summary="Disconnect an agent of yours")
async def revoke_my_grant(grant_id: UUID, portal: Use, person: Person) -> None:
    """Its tokens are dead at once, wherever they were copied to."""
    await portal.grants.revoke_mine(person, grant_id)


@router.get("/mcp-servers/{server_id}/grants", summary="Agents connected to a server")
async def list_server_grants(server_id: UUID, portal: Use, person: Person, part: Part) -> Listing[ConnectedAgent]:
    """All of them for the owner and managers; a reader sees their own."""
    return views.listing(await portal.grants.list_at(person, server_id, part), views.connected_agent)


@router.delete("/mcp-servers/{server_id}/grants/{grant_id}", status_code=204, summary="Disconnect an agent")
async def revoke_server_grant(server_id: UUID, grant_id: UUID, portal: Use, person: Person) -> None:
    """Whoever let it in can let it in again while they are a member."""
    await portal.grants.revoke_at(person, server_id, grant_id)
