"""Box's refusals in plain words: what happened, and what the owner of the source can do about it."""

from __future__ import annotations

import json
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

from pydantic import BaseModel, ValidationError

from errors import GatehouseError, NotFound, SourceError, SourceRateLimited, SourceUnauthorized, SourceUnavailable
from services.box.replies import Reply

NO_SUCH_FILE: Final = "There is no such file in Box, or this account may not read it."

_NOT_GRANTED: Final = (
    "Box refused to sign in. Either the client ID or the client secret is wrong; or the app is not authorized in the "
    "Admin Console (after every change of its settings it has to be authorized again); or it may not act as this "
    "subject: as a user only with App + Enterprise Access and Generate user access tokens, as the enterprise only by "
    "the enterprise ID."
)
_NOT_AUTHORIZED: Final = (
    "The app is not authorized in this Box enterprise yet. An administrator has to authorize it in the Admin Console, "
    "under Integrations, Platform Apps Manager, Server Authentication Apps."
)
_WRONG_PAIR: Final = (
    "Box says the client ID or the client secret is wrong. Copy both from the app's Configuration tab in the Box "
    "Developer Console."
)
_NOT_THIS_GRANT: Final = (
    "This Box app cannot sign in with a client ID and secret alone. Create one with Server Authentication (Client "
    "Credentials Grant)."
)
_NOT_THIS_USER: Final = (
    "The Box app may not act as this user. Give it App + Enterprise Access and Generate user access tokens in the "
    "Developer Console, and have it authorized again in the Admin Console; or connect as the enterprise."
)
_TERMS: Final = "This Box user has to sign in to Box once and accept the company's terms of service."
_NOT_ACCEPTED: Final = (
    "Box does not accept the app's sign-in any longer. Check that the app is still authorized in the Admin Console, "
    "then connect the source again."
)
_NO_SCOPE: Final = (
    "The Box app lacks a permission. Give it the scope Read all files and folders stored in Box in the Developer "
    "Console, then have it authorized again in the Admin Console."
)
_NOT_FROM_HERE: Final = (
    "Box keeps this server's address out. A Box administrator has to admit it under the enterprise's security settings."
)
_NO_FOLDER: Final = (
    "Box does not show this folder to the app. Check the folder ID, and invite the app's service account (or the user "
    "it acts as) to the folder as a Viewer."
)

_ABOUT_THE_APP: Final = {
    "insufficient_scope": _NO_SCOPE,
    "access_from_location_blocked": _NOT_FROM_HERE,
    "terms_of_service_required": _TERMS,
}
"""Codes that hold for every request, whatever it is about (Box docs, "Errors")."""
_NOT_THERE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE})
"""405 is Box's answer to an id that has not its form (box-openapi, GET /files/{file_id})."""


class About(Enum):
    """What a request was about, which decides what a refusal means."""

    ACCOUNT = auto()
    FOLDER = auto()
    """The folder that the source is kept to."""
    FILE = auto()
    """One file, asked for by its id."""


class _Refusal(BaseModel):
    code: str = ""


class _TokenRefusal(BaseModel):
    error: str = ""
    error_description: str = ""


def refusal(reply: Reply, about: About) -> GatehouseError:
    """The error for a reply that is not what was asked for."""
    general = _general(reply, "Box wants fewer requests from this account.")
    if general is not None:
        return general
    code = _read_code(reply)
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return SourceUnauthorized(_NOT_ACCEPTED)
    if code in _ABOUT_THE_APP:
        return SourceUnauthorized(_ABOUT_THE_APP[code])
    if about is About.FILE and (reply.status in _NOT_THERE or reply.status == HTTPStatus.FORBIDDEN):
        return NotFound(NO_SUCH_FILE)
    if about is About.FOLDER and reply.status in _NOT_THERE:
        return SourceUnauthorized(_NO_FOLDER)
    if reply.status == HTTPStatus.FORBIDDEN:
        return SourceUnauthorized(_NO_FOLDER if about is About.FOLDER else _NO_SCOPE)
    return SourceUnavailable(f"Box did not accept the request (HTTP {reply.status}).")


def token_refusal(reply: Reply) -> SourceError:
    """The error for a token endpoint's reply that holds no token."""
    general = _general(reply, "Box wants the app to sign in less often. Try again later.")
    if general is not None:
        return general
    refused = _read_token_refusal(reply)
    words = _sign_in_words(refused.error, refused.error_description.lower())
    if words is None:
        return SourceUnavailable("Box answered the sign-in with something that cannot be read.")
    return SourceUnauthorized(words)


def _general(reply: Reply, too_often: str) -> SourceError | None:
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return SourceRateLimited(too_often, reply.retry_after())
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SourceUnavailable("Box is out of order for the moment.")
    return None


def _sign_in_words(error: str, description: str) -> str | None:
    """Box docs, "Errors", "Client credentials grant" and "Service accounts"; None for no error of OAuth's at all."""
    if "not authorized by the enterprise" in description:
        return _NOT_AUTHORIZED
    if "grant type is unauthorized" in description:
        return _NOT_THIS_GRANT
    if "enterprise configuration" in description:
        return _NOT_THIS_USER
    if error == "terms_of_service_required":
        return _TERMS
    if error == "invalid_client":
        return _WRONG_PAIR
    if error == "unauthorized_client":
        return _NOT_AUTHORIZED
    return _NOT_GRANTED if error else None


def _read_code(reply: Reply) -> str:
    # A refused scope may be told in the header alone, with an empty body.
    if "insufficient_scope" in reply.headers.get("www-authenticate", ""):
        return "insufficient_scope"
    try:
        return _Refusal.model_validate(json.loads(reply.content)).code
    except (ValueError, RecursionError):
        return ""


def _read_token_refusal(reply: Reply) -> _TokenRefusal:
    try:
        return _TokenRefusal.model_validate_json(reply.content)
    except ValidationError:
        return _TokenRefusal()
