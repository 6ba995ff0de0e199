"""How the endpoints that agents call read and answer (RFC 6749, sections 3.2 and 5)."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.oauth.requests import Parameters
from errors import GatehouseError, OAuthError, PayloadTooLarge

LARGEST_BODY: Final = 16 * 1024

_FORM: Final = "application/x-www-form-urlencoded"
_RETRY_AFTER_S: Final = "30"
_UNCACHED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class InvalidClient(OAuthError):
    """Who asks could not show who it is."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, message: str) -> None:
        super().__init__("invalid_client", message)


class TryLater(OAuthError):
    """What is needed to answer cannot be had at the moment. The agent keeps its registration and its tokens."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, message: str) -> None:
        super().__init__("temporarily_unavailable", message)


async def body_of(request: Request) -> bytes:
    """Raises PayloadTooLarge, without reading more."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise PayloadTooLarge(f"Send at most {LARGEST_BODY} bytes.")
    return bytes(body)


async def form_of(request: Request) -> Parameters:
    """Raises OAuthError for anything but a form in which nothing is said twice."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"Send the parameters as {_FORM}.")
    try:
        pairs = parse_qsl((await body_of(request)).decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:  # not UTF-8, or more fields than anybody sends
        raise OAuthError("invalid_request", "The form cannot be read.") from error
    parameters = Parameters.of(pairs)
    if parameters.repeated:
        raise OAuthError("invalid_request", "No parameter may be given twice.")
    return parameters


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """Client id and secret out of the Authorization header, both form-encoded before (RFC 6749, section 2.3.1). None
    without one. Raises InvalidClient."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError("not Basic")
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        if not colon:
            raise ValueError("no colon")
    except (binascii.Error, ValueError) as error:
        raise InvalidClient("The Authorization header holds no client id and secret.") from error
    return unquote_plus(client_id), unquote_plus(secret)


def answer(content: object) -> Response:
    """A reply that nobody may keep."""
    return JSONResponse(content, headers=_UNCACHED)


def refusal(error: GatehouseError) -> Response:
    """An error in OAuth's own dress. Ours that OAuth has no word for keep their code and status."""
    code = error.error if isinstance(error, OAuthError) else error.code
    headers = dict(_UNCACHED)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Basic"
    if isinstance(error, TryLater):
        headers["Retry-After"] = _RETRY_AFTER_S
    return JSONResponse({"error": code, "error_description": error.message}, error.status, headers=headers)
