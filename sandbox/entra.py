"""The Entra ID token endpoint, client credentials only: POST /{tenant}/oauth2/v2.0/token.

Errors as Microsoft identity platform documents them ("Authentication and authorization error codes"): the AADSTS number
in `error_codes` is what a program may go by, `error` is OAuth's word for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.admission import Secrets, Tokens
from sandbox.behaviour import Behaviour, Clock
from sandbox.vendor import Refusal, Vendor
from sandbox.world import World

GRAPH_SCOPE: Final = "https://graph.microsoft.com/.default"
_REQUIRED: Final = ("grant_type", "client_id", "scope")


@dataclass(frozen=True, slots=True)
class _Endpoint:
    world: World
    tokens: Tokens
    secrets: Secrets
    clock: Clock
    behaviour: Behaviour

    async def token(self, request: Request) -> Response:
        form = await request.form()
        self._check(request.path_params["tenant"], form)
        lifetime = self.behaviour.token_lifetime
        token = self.tokens.issue(
            "graph",
            app=self.world.credentials.entra.client_id,
            subject=self.world.credentials.entra.tenant_id,
            scope=GRAPH_SCOPE,
            lifetime=lifetime,
        )
        seconds = int(lifetime.total_seconds())
        return JSONResponse(
            {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token},
            headers={"cache-control": "no-store, no-cache", "pragma": "no-cache"},
        )

    def _check(self, tenant: str, form: FormData) -> None:
        """Raises Refusal for the first thing that is wrong, in the order in which Entra looks."""
        known = self.world.credentials.entra
        for name in _REQUIRED:
            if not form.get(name):
                text = f"The request body must contain the following parameter: '{name}'."
                raise self._refusal(400, "invalid_request", 900144, text)
        if form["grant_type"] != "client_credentials":
            text = f"The app requested an unsupported grant type '{form['grant_type']}'."
            raise self._refusal(400, "unsupported_grant_type", 70003, text)
        if tenant.lower() not in {known.tenant_id, known.tenant_domain}:
            raise self._unknown_tenant(tenant)
        if form["client_id"] != known.client_id:
            text = f"Application with identifier '{form['client_id']}' was not found in the directory '{tenant}'."
            raise self._refusal(400, "unauthorized_client", 700016, text)
        if not form.get("client_secret"):
            text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise self._refusal(401, "invalid_client", 7000218, text)
        if form["client_secret"] != known.client_secret or not self.secrets.works("entra"):
            text = (
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{known.client_id}'."
            )
            raise self._refusal(401, "invalid_client", 7000215, text)
        if form["scope"] != GRAPH_SCOPE:
            text = f"The provided value for scope {form['scope']} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier."  # noqa: E501 - one sentence of Microsoft's
            raise self._refusal(400, "invalid_scope", 1002012, text)

    def _unknown_tenant(self, tenant: str) -> Refusal:
        if "." not in tenant and not _is_guid(tenant):
            text = f"Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."
            return self._refusal(400, "invalid_request", 900023, text)
        text = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
        return self._refusal(400, "invalid_request", 90002, text)

    def _refusal(self, status: int, error: str, number: int, text: str) -> Refusal:
        return Refusal(error_response(status, error, number, text, self.clock))


def error_response(status: int, error: str, number: int, text: str, clock: Clock) -> JSONResponse:
    """Entra's error, with the AADSTS number also in the description, as people search for it."""
    now = clock()
    trace_id, correlation_id = str(uuid.uuid4()), str(uuid.uuid4())
    body = {
        "error": error,
        "error_description": (
            f"AADSTS{number}: {text} Trace ID: {trace_id} Correlation ID: {correlation_id} "
            f"Timestamp: {now:%Y-%m-%d %H:%M:%SZ}"
        ),
        "error_codes": [number],
        "timestamp": f"{now:%Y-%m-%d %H:%M:%SZ}",
        "trace_id": trace_id,
        "correlation_id": correlation_id,
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }
    return JSONResponse(body, status_code=status)


def entra_vendor(world: World, *, tokens: Tokens, secrets: Secrets, clock: Clock, behaviour: Behaviour) -> Vendor:
    endpoint = _Endpoint(world, tokens, secrets, clock, behaviour)

    @contextmanager
    def admit(_request: Request, _route: str) -> Iterator[None]:
        """Everybody: the form says who asks."""
        yield

    def refuse(status: int, retry_after_s: int | None) -> Response:
        error, number, text = _REFUSALS.get(status, ("server_error", 90033, "A transient error has occurred."))
        response = error_response(status, error, number, text, clock)
        if retry_after_s is not None:
            response.headers["retry-after"] = str(retry_after_s)
        return response

    route = Route("/{tenant}/oauth2/v2.0/token", endpoint.token, methods=["POST"], name="token")
    return Vendor(source="entra", routes=(route,), admit=admit, refuse=refuse)


_REFUSALS: Final = {
    401: ("invalid_client", 7000222, "The provided client secret keys are expired."),
    403: ("access_denied", 53003, "Access has been blocked by Conditional Access policies."),
    404: ("invalid_request", 900144, "There is no such endpoint."),
    405: ("invalid_request", 900561, "The endpoint only accepts POST requests."),
    429: ("temporarily_unavailable", 90055, "Too many requests."),
    500: ("server_error", 90033, "A transient error has occurred. Please try again."),
    503: ("temporarily_unavailable", 90033, "A transient error has occurred. Please try again."),
}


def _is_guid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
