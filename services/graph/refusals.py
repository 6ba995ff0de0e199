"""Graph's refusals in plain words: what happened, and what the owner of the source can do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from pydantic import BaseModel

from errors import GatehouseError, NotFound, SourceRateLimited, SourceUnauthorized, SourceUnavailable
from services.graph.replies import Reply

NO_SUCH_MESSAGE: Final = "There is no such message in this mailbox. It may have been deleted."

_MAY_NOT_READ: Final = (
    "The app may not read this mailbox. Grant it Mail.Read as an application permission, with admin consent, or better "
    "the Exchange role Application Mail.Read over a scope that holds this mailbox. It can take two hours to count."
)
_NO_MAILBOX: Final = (
    "This user has no mailbox in Exchange Online: it may be without a licence, deleted, or kept on a server of your "
    "own. Name another mailbox, or give this user one."
)
_NO_USER: Final = "There is no user with this address in the tenant. Check the mailbox setting, and the tenant."
_NOT_ACCEPTED: Final = (
    "Microsoft Graph does not accept the app's sign-in, although Entra does. Check that the tenant and the app are "
    "active, then connect the source again."
)
_CODES: Final[Mapping[str, str]] = {
    # Seen in practice; Microsoft publishes no complete list.
    "MailboxNotEnabledForRESTAPI": _NO_MAILBOX,
    "MailboxNotSupportedForRESTAPI": _NO_MAILBOX,
    "MailboxNotHostedInExchangeOnline": _NO_MAILBOX,
    "ErrorNonExistentMailbox": _NO_MAILBOX,
    "ErrorInvalidUser": _NO_USER,
    "Request_ResourceNotFound": _NO_USER,
    "ResourceNotFound": _NO_USER,
    "ErrorAccessDenied": _MAY_NOT_READ,
    "Authorization_RequestDenied": _MAY_NOT_READ,
}
_THROTTLED: Final = frozenset({"ApplicationThrottled", "TooManyRequests", "ErrorTooManyConcurrentConnections"})
_ABOUT_THE_ITEM: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class _Error(BaseModel):
    code: str = ""


class _Refusal(BaseModel):
    error: _Error = _Error()


def refusal(reply: Reply, *, of_item: bool) -> GatehouseError:
    """The error for a reply that is not 200. `of_item`: one message or attachment was asked for by its id, so that an
    unknown or malformed id is NotFound."""
    code = _read_code(reply.content)
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return SourceUnauthorized(_NOT_ACCEPTED)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS or code in _THROTTLED:
        return SourceRateLimited("Microsoft wants fewer requests to this mailbox.", reply.retry_after())
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SourceUnavailable("Microsoft Graph is out of order for the moment.")
    if code in _CODES:
        return SourceUnauthorized(_CODES[code])
    if reply.status == HTTPStatus.FORBIDDEN:
        return SourceUnauthorized(_MAY_NOT_READ)
    if of_item and reply.status in _ABOUT_THE_ITEM:
        return NotFound(NO_SUCH_MESSAGE)
    return SourceUnavailable(f"Microsoft Graph did not accept the request (HTTP {reply.status}).")


def _read_code(content: bytes) -> str:
    try:
        return _Refusal.model_validate(json.loads(content)).error.code
    except (ValueError, RecursionError):
        return ""
