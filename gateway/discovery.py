"""Where an agent learns how to get a token for a gateway: RFC 9728, and the challenges that lead there."""

from __future__ import annotations

from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from auth.agents import READ, WRITE
from auth.oauth.resources import resource_of
from errors import NotFound, Unauthenticated
from federation.directory import ServedServer
from schemas.problems import problem_of
from web.problems import error_response, problem_response

METADATA_PATHS: Final = (
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-protected-resource",
)
"""The form that belongs to our path, and the root form that some clients ask for instead."""

_FRESH_S: Final = 300


def resource_metadata(request: Request, server: ServedServer | None, issuer: str) -> ASGIApp:
    """Read by anybody, also by web pages, so it names nothing but addresses and scopes."""
    return CORSMiddleware(_metadata(request, server, issuer), allow_origins=["*"], allow_headers=["*"])


def _metadata(request: Request, server: ServedServer | None, issuer: str) -> Response:
    if server is None:
        problem = problem_of(NotFound("No MCP server holds this address at the moment."))
        return problem_response(request, problem, pages=False)
    if request.method not in ("GET", "HEAD"):
        return Response(status_code=405, headers={"Allow": "GET, HEAD"})
    return JSONResponse(
        {
            "resource": resource_of(server.url),
            "authorization_servers": [issuer],
            "scopes_supported": [READ],
            "bearer_methods_supported": ["header"],
        },
        headers={"Cache-Control": f"public, max-age={_FRESH_S}"},
    )


def unauthenticated(request: Request, server: ServedServer) -> Response:
    """401, with where to learn how to get a token (RFC 9728, section 5.1)."""
    error = Unauthenticated(
        "This server wants a bearer token. Let the agent sign in, or give it a key: both come from the portal."
    )
    response = error_response(request, error)
    response.headers["WWW-Authenticate"] = _challenge(
        server, scope=READ, error="invalid_token" if "authorization" in request.headers else None
    )
    return response


def insufficient_scope(server: ServedServer) -> str:
    """The challenge for who may only read: all that a tool needs which changes something (RFC 6750, section 3.1)."""
    return _challenge(server, scope=f"{READ} {WRITE}", error="insufficient_scope")


def _challenge(server: ServedServer, *, scope: str, error: str | None) -> str:
    parts = [f'Bearer resource_metadata="{server.url}{METADATA_PATHS[0]}"', f'scope="{scope}"']
    if error is not None:
        parts.append(f'error="{error}"')
    return ", ".join(parts)
