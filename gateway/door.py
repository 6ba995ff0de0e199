"""Who may come in at a gateway, and how the others are turned away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from auth.keys import ANONYMOUS, READ, Agent, KeyRing
from errors import Unauthenticated
from federation.directory import ServedServer
from web.problems import error_response

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
    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def admit(self, headers: Headers, server: ServedServer) -> Agent | None:
        """The agent, or None when it must bring a better token. Tokens count in the Authorization header only. A wrong
        one is refused at a public server too: whoever sends one believes that it works."""
        values = headers.getlist("authorization")
        if not values:
            return ANONYMOUS if server.access == "public" else None
        if len(values) != 1 or values[0][: len(_BEARER)].lower() != _BEARER:
            return None
        return await self._keys.find(values[0][len(_BEARER) :].strip(), server.assignment_id)


def challenge(request: Request, server: ServedServer) -> Response:
    """401, with where to learn how to get a token (RFC 9728, section 5.1)."""
    metadata = f"{server.url}/.well-known/oauth-protected-resource/mcp"
    parts = [f'Bearer resource_metadata="{metadata}"', f'scope="{READ}"']
    if "authorization" in request.headers:
        parts.append('error="invalid_token"')
    error = Unauthenticated("This server wants a bearer token. Make a key for it in the portal.")
    response = error_response(request, error)
    response.headers["WWW-Authenticate"] = ", ".join(parts)
    return response
