"""What a person may do with a server: the one place that says so, and the one way to load a server for somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.models import McpServer
from errors import Forbidden, NotFound
from repositories.members import Members
from repositories.servers import Servers
from schemas.members import Role


class Right(Enum):
    """Something that one may do with a server. The value tells people whose right it is."""

    USE = "members"
    """Look at it, connect agents to it, search."""
    EDIT = "the owner and managers"
    """Name, instructions, keys, sources on and off, the list of members."""
    OWN = "the owner"
    """Sources and how they are used, members, access, deletion."""


_RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    "owner": frozenset({Right.USE, Right.EDIT, Right.OWN}),
    "manager": frozenset({Right.USE, Right.EDIT}),
    "reader": frozenset({Right.USE}),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A server, and what somebody is to it."""

    server: McpServer
    role: Role


def may_edit(role: Role) -> bool:
    """Whether somebody with this role may change name, instructions, keys and switches."""
    return Right.EDIT in _RIGHTS[role]


def may_own(role: Role) -> bool:
    """Whether somebody with this role decides about sources, members, access and deletion."""
    return Right.OWN in _RIGHTS[role]


def require(role: Role, right: Right) -> None:
    """Raises Forbidden for somebody whose role is not enough."""
    if right not in _RIGHTS[role]:
        raise Forbidden(f"Only {right.value} of this server may do that.")


async def get_server(session: AsyncSession, user_id: UUID, server_id: UUID, right: Right) -> Standing:
    """The server, for a person who has this right. Raises NotFound for strangers and Forbidden for members whose role
    is not enough."""
    return await _judged(session, await Servers(session).find(server_id), user_id, right)


async def get_locked_server(session: AsyncSession, user_id: UUID, server_id: UUID, right: Right) -> Standing:
    """The same, the server kept from every other transaction that asks for it this way. The role is read once it is
    locked: who is removed at the same moment has no rights any longer."""
    return await _judged(session, await Servers(session).find_locked(server_id), user_id, right)


async def _judged(session: AsyncSession, server: McpServer | None, user_id: UUID, right: Right) -> Standing:
    role = None if server is None else await Members(session).role_of(server.id, user_id)
    if server is None or role is None:
        raise NotFound("There is no such MCP server.")
    require(role, right)
    return Standing(server, role)
