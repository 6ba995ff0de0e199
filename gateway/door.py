"""Who may come in at a gateway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers

from auth.agents import ANONYMOUS, Agent
from auth.rings import Ring
from federation.directory import ServedServer

VISIT: Final = "gatehouse.visit"
"""Where in the ASGI scope the visit stands once the door is passed."""

_BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request that was let in: to which server, and whose."""

    server: ServedServer
    agent: Agent
    address: str
    client: str
    """The client as it calls itself in User-Agent."""


class Door:
    def __init__(self, rings: Sequence[Ring]) -> None:
        """`rings` know the kinds of tokens that open a gateway."""
        self._rings = tuple(rings)

    async def admit(self, headers: Headers, server: ServedServer) -> Agent | None:
        """The agent, or None when it must bring a better token. Tokens count in the Authorization header only. A wrong
        one is refused at a public server too: whoever sends one believes that it works."""
        values = headers.getlist("authorization")
        if not values:
            return ANONYMOUS if server.access == "public" else None
        if len(values) != 1 or values[0][: len(_BEARER)].lower() != _BEARER:
            return None
        token = values[0][len(_BEARER) :].strip()
        for ring in self._rings:
            agent = await ring.find(token, server.assignment_id)
            if agent is not None:
                return agent
        return None
