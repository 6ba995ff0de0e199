"""The application behind the portal's host: the API, its reference, and pages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from portal import problems
from portal.api import accounts, activity, grants, health, invitations, members, playground, servers, sources
from portal.api.dependencies import cookie_name
from portal.context import Portal
from portal.counting import CountStrangers
from portal.guard import Guard
from portal.oauth import pages as consent
from portal.oauth.endpoints import CLIENT_PATHS, OpenEndpoints, create_endpoints
from portal.pages import (
    account,
    admin,
    entrance,
    guides,
    join,
    landing,
    reference,
    server_agents,
    server_connect,
    server_keys,
    server_members,
    server_settings,
    server_sources,
    source_forms,
)
from portal.pages import activity as activity_pages
from portal.pages import playground as playground_pages
from portal.pages import servers as server_pages
from portal.pages import sources as source_pages
from schemas.problems import Problem
from web.problems import MEDIA_TYPE

_LARGEST_BODY: Final = 1024 * 1024
_OPEN_PATHS: Final = (
    *("/api/v1/signup", "/api/v1/signin", "/api/v1/reset-password"),
    *("/signup", "/signin", "/reset"),
)
_DESCRIPTION: Final = (
    "Accounts, sources, MCP servers and keys. Errors are problem details (RFC 9457). Lists are newest first; the "
    "value of next, given as cursor, leads to the following page. Writes are JSON."
)
_PROBLEM: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {
        "model": Problem,
        "description": "Told as a problem: 400 unreadable, 401 not signed in, 403 not allowed, 404 not there or not "
        "yours, 409 conflict, 413 too large, 415 not JSON, 422 invalid, 429 wait.",
    },
    "5XX": {"model": Problem, "description": "Told as a problem: 500 our fault, 502 and 504 a source failed."},
}


def create_app(portal: Portal, *, origins: Sequence[str]) -> ASGIApp:
    """`origins` are the web origins beside the portal's own that may call the API with credentials."""
    app = _Api(
        title="Gatehouse",
        version=portal.version,
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        max_body_size=_LARGEST_BODY,
        routes=_routes(tuple((handler.key, handler.config) for handler in portal.registry)),
    )
    app.state.portal = portal
    problems.install(app, [handler.key for handler in portal.registry])
    guarded = Guard(app, origins=[portal.url, *origins], json_prefix="/api/", largest_body_bytes=_LARGEST_BODY)
    counted = CountStrangers(
        guarded,
        portal.rates,
        cookie=cookie_name(portal),
        open_paths=_OPEN_PATHS,
        client_paths=(),
    )
    people = CORSMiddleware(
        counted,
        allow_origins=list(origins),
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["Retry-After", "X-Request-Id"],
    )
    agents = CountStrangers(
        create_endpoints(portal),
        portal.rates,
        cookie=cookie_name(portal),
        open_paths=(),
        client_paths=CLIENT_PATHS,
    )
    return OpenEndpoints(agents, people)


@lru_cache(maxsize=4)
def _routes(kinds: tuple[sources.Kind, ...]) -> list[BaseRoute]:
    """The API, its reference and the pages. They know no portal, so that applications of one process share them:
    FastAPI takes a tenth of a second to read what their endpoints ask for."""
    api = APIRouter(prefix="/api/v1", responses=_PROBLEM)
    for router in (
        accounts.router,
        sources.router_for(kinds),
        servers.router,
        members.router,
        grants.router,
        playground.router,
        activity.router,
        invitations.router,
        health.router,
    ):
        api.include_router(router)
    everything = APIRouter(max_body_size=_LARGEST_BODY)
    for router in (
        api,
        reference.router,
        landing.router,
        entrance.router,
        source_pages.router,
        source_forms.router,
        server_pages.router,
        server_connect.router,
        server_sources.router,
        server_agents.router,
        server_members.router,
        server_keys.router,
        server_settings.router,
        guides.router,
        playground_pages.router,
        activity_pages.router,
        account.router,
        admin.router,
        join.router,
        consent.router,
    ):
        everything.include_router(router)
    return everything.routes


class _Api(FastAPI):
    """Describes every error as what it is: problem details, under their media type."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = super().openapi()
            for methods in schema["paths"].values():
                for operation in methods.values():
                    _describe_errors(operation["responses"])
            for name in ("HTTPValidationError", "ValidationError"):
                schema["components"]["schemas"].pop(name, None)
        return self.openapi_schema or {}


def _describe_errors(responses: dict[str, Any]) -> None:
    responses.pop("422", None)  # FastAPI's own shape, which nobody gets
    for status in ("4XX", "5XX"):
        content = responses.get(status, {}).get("content", {})
        if "application/json" in content:
            content[MEDIA_TYPE] = content.pop("application/json")
