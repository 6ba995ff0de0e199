"""Metadata, tokens, registration and revocation: what agents call themselves."""

from __future__ import annotations

import hmac
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.oauth.clients import Client
from auth.oauth.issuing import CodeExchange, Issued, Refresh
from auth.oauth.requests import SCOPES, Parameters
from auth.tokens import token_hash
from errors import ClientUnreachable, GatehouseError, NotFound, OAuthError, TooManyRequests, UnknownClient
from portal.api.dependencies import caller_of
from portal.context import Portal
from portal.oauth.wire import InvalidClient, TryLater, answer, basic_credentials, body_of, form_of, refusal
from schemas.problems import problem_of
from web.problems import problem_response

METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
CLIENT_PATHS: Final = frozenset({METADATA_PATH, "/token", "/register", "/revoke"})

_WELL_KNOWN: Final = "/.well-known/"
_FRESH_S: Final = 300
_METHODS: Final = ("none", "client_secret_basic", "client_secret_post")

Endpoint = Callable[[Request], Awaitable[Response]]


class OpenEndpoints:
    """Sends what agents call to where any origin may call, and the rest to the portal."""

    def __init__(self, agents: ASGIApp, people: ASGIApp) -> None:
        self._agents = agents
        self._people = people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        app = self._agents if path in CLIENT_PATHS or path.startswith(_WELL_KNOWN) else self._people
        await app(scope, receive, send)


def create_endpoints(portal: Portal) -> ASGIApp:
    """No cookie counts here, so pages of any origin may call and are told the answer."""
    endpoints = _Endpoints(portal)
    routes = [
        Route(METADATA_PATH, endpoints.metadata, methods=["GET"]),
        Route("/token", _told(endpoints.token), methods=["POST"]),
        Route("/register", _told(endpoints.register), methods=["POST"]),
        Route("/revoke", _told(endpoints.revoke), methods=["POST"]),
        Route(f"{_WELL_KNOWN}{{rest:path}}", _nothing_here),
    ]
    return CORSMiddleware(
        Starlette(routes=routes),
        allow_origins=["*"],
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["WWW-Authenticate"],
    )


def server_metadata(issuer: str, *, accepts_documents: bool) -> Mapping[str, object]:
    """RFC 8414, as agents find it under the issuer's address."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "registration_endpoint": f"{issuer}/register",
        "revocation_endpoint": f"{issuer}/revoke",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": list(_METHODS),
        "revocation_endpoint_auth_methods_supported": list(_METHODS),
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": accepts_documents,
        "authorization_response_iss_parameter_supported": True,
    }


class _Endpoints:
    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def metadata(self, _request: Request) -> Response:
        content = server_metadata(self._portal.url, accepts_documents=self._portal.clients.accepts_documents)
        return JSONResponse(content, headers={"Cache-Control": f"public, max-age={_FRESH_S}"})

    async def token(self, request: Request) -> Response:
        form = await form_of(request)
        client = await self._client(request, form)
        match form.get("grant_type"):
            case "authorization_code":
                issued = await self._portal.issuing.exchange(
                    client,
                    CodeExchange(
                        code=_required(form, "code"),
                        verifier=_required(form, "code_verifier"),
                        redirect_uri=form.get("redirect_uri"),
                        resource=form.get("resource"),
                    ),
                )
            case "refresh_token":
                token, scope, resource = _required(form, "refresh_token"), form.get("scope"), form.get("resource")
                issued = await self._portal.issuing.refresh(
                    client, Refresh(token=token, scope=scope, resource=resource)
                )
            case None:
                raise OAuthError("invalid_request", "grant_type is missing.")
            case _:
                raise OAuthError("unsupported_grant_type", "Use authorization_code or refresh_token.")
        return answer(_token_response(issued))

    async def register(self, request: Request) -> Response:
        registered = await self._portal.clients.register(await body_of(request), caller_of(request))
        response = answer(registered.response)
        response.status_code = 201
        return response

    async def revoke(self, request: Request) -> Response:
        form = await form_of(request)
        await self._portal.issuing.revoke(await self._client(request, form), _required(form, "token"))
        return answer({})

    async def _client(self, request: Request, form: Parameters) -> Client:
        """Who asks, proved as it said it would. Raises OAuthError."""
        basic = basic_credentials(request)
        client_id = form.get("client_id") or (basic[0] if basic else None)
        if client_id is None:
            raise InvalidClient("client_id is missing.")
        posted = form.get("client_secret")
        if basic is not None and (basic[0] != client_id or posted is not None):
            raise OAuthError("invalid_request", "Say who you are in one way only.")
        try:
            client = await self._portal.clients.find(client_id)
        except ClientUnreachable as error:
            raise TryLater(error.message) from error
        except UnknownClient as error:
            raise InvalidClient("This client is not known here. Register it again.") from error
        secret = basic[1] if basic else posted
        if client.secret_hash is not None and not _fits(secret, client.secret_hash):
            raise InvalidClient("The client's secret is missing or wrong.")
        return client


def _fits(secret: str | None, hash_: str) -> bool:
    return secret is not None and hmac.compare_digest(token_hash(secret), hash_)


def _required(form: Parameters, name: str) -> str:
    value = form.get(name)
    if value is None:
        raise OAuthError("invalid_request", f"{name} is missing.")
    return value


def _token_response(issued: Issued) -> Mapping[str, object]:
    return {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": math.floor(issued.expires_in.total_seconds()),
        "refresh_token": issued.refresh_token,
        "scope": " ".join(issued.scopes),
    }


def _told(endpoint: Endpoint) -> Endpoint:
    """The endpoint, its refusals told in OAuth's words."""

    async def tell(request: Request) -> Response:
        try:
            return await endpoint(request)
        except GatehouseError as error:
            response = refusal(error)
            if isinstance(error, TooManyRequests):
                response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after.total_seconds())))
            return response

    return tell


async def _nothing_here(request: Request) -> Response:
    """Programs alone look here, and some take a page for an answer."""
    return problem_response(request, problem_of(NotFound("There is nothing under this path.")), pages=False)
