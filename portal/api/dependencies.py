"""What routes are given: the portal's actions, the person who asks, the part of a list."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Query, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from auth.access import Caller, SignedIn
from errors import Unauthenticated
from portal.context import Portal
from repositories.paging import Window

SECURE_COOKIE: Final = "__Host-session"
PLAIN_COOKIE: Final = "session"

_BEARER: Final = "bearer "

# Described for OpenAPI; `signed_in` reads the request itself, so that a bearer token wins over a cookie.
_bearer_scheme = HTTPBearer(auto_error=False, description="The access_token that sign-in returned.")
_cookie_scheme = APIKeyCookie(
    name=PLAIN_COOKIE,
    auto_error=False,
    description="Set by sign-in, for browsers; over https it is called __Host-session.",
)


def portal_of(request: Request) -> Portal:
    portal: Portal = request.app.state.portal
    return portal


def caller_of(request: Request) -> Caller:
    address = request.client.host if request.client else ""
    return Caller(address=address, user_agent=request.headers.get("user-agent", "")[:300])


def cookie_name(portal: Portal) -> str:
    """The `__Host-` prefix makes browsers insist on https, on the whole site and on this very host."""
    return SECURE_COOKIE if portal.is_secure else PLAIN_COOKIE


async def signed_in(
    request: Request,
    portal: Annotated[Portal, Depends(portal_of)],
    _bearer: Annotated[object, Depends(_bearer_scheme)],
    _cookie: Annotated[object, Depends(_cookie_scheme)],
) -> SignedIn:
    """Raises Unauthenticated."""
    header = request.headers.get("authorization")
    if header is not None:
        token = header[len(_BEARER) :].strip() if header[: len(_BEARER)].lower() == _BEARER else ""
    else:
        token = request.cookies.get(cookie_name(portal), "")
    if not token:
        raise Unauthenticated("Sign in first.")
    return await portal.doorkeeper.admit(token, caller_of(request))


def window(
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many items.")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=200, description="From `next` of the page before; left out: the newest.")
    ] = None,
) -> Window:
    return Window(limit, cursor)


Use = Annotated[Portal, Depends(portal_of)]
From = Annotated[Caller, Depends(caller_of)]
Person = Annotated[SignedIn, Depends(signed_in)]
Part = Annotated[Window, Depends(window)]
