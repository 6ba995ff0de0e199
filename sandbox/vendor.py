"""What every stand-in is made of: routes, who is let in, and how it says no."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from sandbox.admission import Grant
from sandbox.behaviour import Source

_GRANT = "sandbox.grant"


class Refusal(Exception):
    """An answer that ends a request where it stands."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One stand-in. `routes` carry the names that faults and counters know them by."""

    source: Source
    routes: Sequence[Route]
    admit: Callable[[Request, str], AbstractContextManager[None]]
    """Entered for every request to a route of this name, left when it is answered. Raises Refusal."""
    refuse: Callable[[int, int | None], Response]
    """The vendor's own error for this status, with this Retry-After in seconds where there is one."""

    def route_name(self, scope: Scope) -> str:
        """The name of the route that will answer, or "unknown"."""
        partial = None
        for route in self.routes:
            match, _ = route.matches(scope)
            if match is Match.FULL:
                return route.name
            partial = partial or (route.name if match is Match.PARTIAL else None)
        return partial or "unknown"

    def app(self) -> Starlette:
        """The routes, with refusals, unknown paths and wrong methods answered as the vendor does."""

        async def refused(_request: Request, error: Exception) -> Response:
            return cast("Refusal", error).response

        async def not_found(_request: Request, _error: Exception) -> Response:
            return self.refuse(404, None)

        async def wrong_method(_request: Request, _error: Exception) -> Response:
            return self.refuse(405, None)

        return Starlette(
            routes=list(self.routes), exception_handlers={Refusal: refused, 404: not_found, 405: wrong_method}
        )


def remember_grant(request: Request, grant: Grant) -> None:
    """Keeps what the token stands for, for the route that answers."""
    request.scope[_GRANT] = grant


def grant_of(request: Request) -> Grant:
    """What the request's token stands for."""
    return cast("Grant", request.scope[_GRANT])


def bearer_token(request: Request) -> str | None:
    """The token of the Authorization header; None without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def base_url(request: Request) -> str:
    """The address of the stand-in itself, as its caller knows it: `http://127.0.0.1:8900/graph`."""
    return f"{origin(request)}{request.scope['root_path']}"


def origin(request: Request) -> str:
    """Where the caller reached us: `http://127.0.0.1:8900`, without a trailing slash."""
    return f"{request.url.scheme}://{request.url.netloc}"
