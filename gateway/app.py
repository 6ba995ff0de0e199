"""The application behind every gateway domain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.audit import AuditTrail
from auth.rates import Rates
from auth.rings import Ring
from errors import DatabaseAway, Forbidden, NotFound, TooManyRequests
from federation.directory import Directory, ServedServer
from federation.federation import Federation
from gateway.discovery import METADATA_PATHS, resource_metadata, unauthenticated
from gateway.door import VISIT, Door, Visit
from gateway.hosts import DOMAIN
from gateway.protocol import Protocol
from gateway.replies import Replies
from gateway.widening import Widening
from schemas.problems import plain_problem, problem_of
from web.edge import ROUTE
from web.pages import Pages, prefers_html
from web.problems import error_response, problem_response

_LARGEST_BODY: Final = 1024 * 1024
_PAGES: Final = Pages(Path(__file__).parent / "templates")


class Gateway:
    """Serves /, /mcp and honest refusals on gateway domains. `run` holds what the MCP sessions need."""

    def __init__(
        self,
        *,
        directory: Directory,
        federation: Federation,
        rings: Sequence[Ring],
        rates: Rates,
        audit: AuditTrail,
        portal_url: str,
        origins: Sequence[str],
        version: str,
    ) -> None:
        """`rings` know the tokens that let agents in; `portal_url` is the issuer of those that people grant."""
        self._directory = directory
        self._door = Door(rings)
        self._rates = rates
        self._portal_url = portal_url
        self._origins = frozenset(origins)
        server = Protocol(federation, audit, version).server
        self._streaming = StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=_LARGEST_BODY)
        self._in_one_piece = StreamableHTTPSessionManager(
            server, stateless=True, json_response=True, max_request_body_size=_LARGEST_BODY
        )
        replies = Replies(
            in_one_piece=self._in_one_piece.asgi_app,
            streaming=self._streaming.asgi_app,
            largest_body_bytes=_LARGEST_BODY,
        )
        self._served = Widening(replies, federation, _LARGEST_BODY)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        async with self._streaming.run(), self._in_one_piece.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            app = await self._application_for(request)
        except DatabaseAway as error:
            app = error_response(request, error)
        await app(scope, receive, send)

    async def _application_for(self, request: Request) -> ASGIApp:
        scope = request.scope
        server = await self._directory.find(scope[DOMAIN])
        match scope["path"]:
            case "/mcp":
                scope[ROUTE] = "/mcp"
                return await self._let_in(request, server)
            case "/":
                scope[ROUTE] = "/"
                return self._help(request, server)
            case path if path in METADATA_PATHS:
                scope[ROUTE] = METADATA_PATHS[-1]
                return resource_metadata(request, server, self._portal_url)
            case _:
                return _nothing_here(request)

    async def _let_in(self, request: Request, server: ServedServer | None) -> ASGIApp:
        """The MCP application if everything about the request's head is right, else the refusal."""
        if server is None:
            return error_response(request, NotFound("No MCP server holds this address at the moment."))
        if not self._is_known_origin(request.headers, server):
            return error_response(request, Forbidden("Web pages of this origin may not call this server."))
        if request.method != "POST":
            return _only_post(request)
        agent = await self._door.admit(request.headers, server)
        address = request.client.host if request.client else ""
        try:
            if agent is None:
                await self._rates.stranger(address)
                return unauthenticated(request, server)
            await self._rates.agent(server.id, agent, owner_id=server.owner_id, address=address)
        except TooManyRequests as error:
            return error_response(request, error)
        request.scope[VISIT] = Visit(
            server=server,
            agent=agent,
            address=address,
            client=request.headers.get("user-agent", ""),
        )
        return self._served

    def _is_known_origin(self, headers: Headers, server: ServedServer) -> bool:
        """Browsers name the page that calls. Programs send no Origin."""
        origins = headers.getlist("origin")
        return all(origin == server.url or origin in self._origins for origin in origins)

    def _help(self, request: Request, server: ServedServer | None) -> Response:
        """Without a token nobody learns more than that something is here."""
        if request.method not in ("GET", "HEAD"):
            return _nothing_here(request)
        if prefers_html(request):
            values = {"server": server, "domain": request.scope[DOMAIN], "portal_url": self._portal_url}
            return _PAGES.render("gateway.html", values, HTTPStatus.OK if server else HTTPStatus.NOT_FOUND)
        if server is None:
            return error_response(request, NotFound("No MCP server holds this address at the moment."))
        return JSONResponse(
            {
                "mcp": f"{server.url}/mcp",
                "transport": "streamable-http",
                "authorization": "none" if server.access == "public" else "bearer",
                "portal": self._portal_url,
            }
        )


def _only_post(request: Request) -> Response:
    """Nothing is kept between requests: there is no stream to listen to and no session to end."""
    problem = plain_problem(HTTPStatus.METHOD_NOT_ALLOWED, "MCP messages come as POST; this server keeps no sessions.")
    return problem_response(request, problem, {"Allow": "POST"})


def _nothing_here(request: Request) -> Response:
    path = request.scope["path"]
    discovery = path.startswith("/.well-known/")  # read by programs alone; some take a page for an answer
    request.scope[ROUTE] = "/.well-known/*" if discovery else "-"
    problem = problem_of(NotFound("There is nothing under this path. The MCP server is at /mcp."))
    where = {"method": request.method, "path": path[:200], "host": request.scope[DOMAIN]}
    return problem_response(request, problem.model_copy(update=where), pages=not discovery)
