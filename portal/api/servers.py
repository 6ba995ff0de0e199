"""MCP servers and their keys."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from fastapi import APIRouter

from portal.api import views
from portal.api.dependencies import Part, Person, Use
from schemas.listing import Listing
from schemas.servers import Key, KeyMaker, KeyWrite, NewKey, Server, ServerWrite, SourceUsePatch

router = APIRouter(prefix="/mcp-servers", tags=["servers"])


@router.get("", summary="Your MCP servers, and those you are a member of")
async def list_servers(portal: Use, person: Person, part: Part) -> Listing[Server]:
    return views.listing(await portal.servers.list_mine(person, part), partial(views.server, portal=portal))


@router.post("", status_code=201, summary="Make an MCP server")
async def make_server(form: ServerWrite, portal: Use, person: Person) -> Server:
    """Claims a gateway domain out of the pool. 409 when none is free."""
    return views.server(await portal.servers.create(person, form), portal)


@router.get("/{server_id}", summary="An MCP server")
async def get_server(server_id: UUID, portal: Use, person: Person) -> Server:
    return views.server(await portal.servers.get(person, server_id), portal)


@router.put("/{server_id}", summary="Replace an MCP server")
async def replace_server(server_id: UUID, form: ServerWrite, portal: Use, person: Person) -> Server:
    """What is left out takes its default. Sources that stay keep their switches and budgets. Managers change name and
    instructions; the rest they send as it is."""
    return views.server(await portal.servers.replace(person, server_id, form), portal)


@router.delete("/{server_id}", status_code=204, summary="Delete an MCP server")
async def delete_server(server_id: UUID, portal: Use, person: Person) -> None:
    """Its keys and agents stop, its members are gone, and its domain goes back to the pool at once."""
    await portal.servers.delete(person, server_id)


@router.patch("/{server_id}/sources/{source_id}", summary="Change how a server uses a source")
async def change_source_use(
    server_id: UUID, source_id: UUID, form: SourceUsePatch, portal: Use, person: Person
) -> Server:
    """Only what is given is changed. Managers switch it on and off; budget and tools are the owner's."""
    return views.server(await portal.servers.change_source(person, server_id, source_id, form), portal)


@router.get("/{server_id}/keys", summary="Keys of a server")
async def list_keys(server_id: UUID, portal: Use, person: Person, part: Part) -> Listing[Key]:
    """For its owner and managers, whoever made them."""
    return views.listing(await portal.keys.list_of(person, server_id, part), views.held_key)


@router.post("/{server_id}/keys", status_code=201, summary="Make a key")
async def make_key(server_id: UUID, form: KeyWrite, portal: Use, person: Person) -> NewKey:
    """The key is shown this once. It lets agents search, fetch and use the sources' tools on this server alone."""
    made = await portal.keys.create(person, server_id, form)
    maker = KeyMaker(id=person.user_id, name=person.name, email=person.email)
    return NewKey(**views.key(made.row, maker).model_dump(), key=made.text)


@router.delete("/{server_id}/keys/{key_id}", status_code=204, summary="Revoke a key")
async def revoke_key(server_id: UUID, key_id: UUID, portal: Use, person: Person) -> None:
    await portal.keys.revoke(person, server_id, key_id)
