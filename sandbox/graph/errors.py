"""Graph's errors: `{"error": {"code", "message", "innerError"}}`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Final

from starlette.responses import JSONResponse, Response

from sandbox.vendor import Refusal


def error_response(status: int, code: str, message: str, *, retry_after_s: int | None = None) -> JSONResponse:
    """The error as JSON; ids of the request in the body and in the headers, as support asks for them."""
    request_id = str(uuid.uuid4())
    inner = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request_id,
        "client-request-id": request_id,
    }
    headers = {"request-id": request_id, "client-request-id": request_id}
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    if status == 401:  # noqa: PLR2004 - the one status that needs a challenge
        headers["www-authenticate"] = (
            'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
        )
    body = {"error": {"code": code, "message": message, "innerError": inner}}
    return JSONResponse(body, status_code=status, headers=headers)


def refusal(status: int, code: str, message: str, *, retry_after_s: int | None = None) -> Refusal:
    return Refusal(error_response(status, code, message, retry_after_s=retry_after_s))


def bad_request(message: str, code: str = "BadRequest") -> Refusal:
    return refusal(400, code, message)


def item_not_found() -> Refusal:
    return refusal(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def refuse(status: int, retry_after_s: int | None) -> Response:
    """What Graph says with this status to nobody in particular."""
    code, message = _REFUSALS.get(status, ("UnknownError", ""))
    return error_response(status, code, message, retry_after_s=retry_after_s)


_REFUSALS: Final = {
    401: ("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
    403: ("ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    404: ("ResourceNotFound", "Resource could not be discovered."),
    405: ("Request_BadRequest", "Specified HTTP method is not allowed for the request target."),
    429: ("ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
    500: ("InternalServerError", "An internal server error occurred. The operation failed."),
    503: ("ServiceUnavailable", "The service is unavailable."),
}
