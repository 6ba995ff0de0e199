"""Box's errors: `{"type": "error", "status", "code", "message", "context_info", "help_url", "request_id"}`."""

from __future__ import annotations

import secrets
from typing import Final

from starlette.responses import JSONResponse, Response

from sandbox.vendor import Refusal

_HELP: Final = "https://developer.box.com/guides/api-calls/permissions-and-errors/common-errors/"
_CHALLENGE: Final = (
    'Bearer realm="Service", error="invalid_token", error_description="The access token provided is invalid."'
)


def error_response(
    status: int,
    code: str,
    message: str,
    *,
    problem: tuple[str, str, str] | None = None,
    retry_after_s: int | None = None,
) -> JSONResponse:
    """The error as JSON. `problem` is the reason, name and message of the one entry in `context_info.errors`."""
    body: dict[str, object] = {
        "type": "error",
        "status": status,
        "code": code,
        "message": message,
        "help_url": _HELP,
        "request_id": secrets.token_hex(8),
    }
    if problem is not None:
        reason, name, text = problem
        body["context_info"] = {"errors": [{"reason": reason, "name": name, "message": text}]}
    headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
    if status == 401:  # noqa: PLR2004 - the one status that needs a challenge
        headers["www-authenticate"] = _CHALLENGE
    return JSONResponse(body, status_code=status, headers=headers)


def refusal(status: int, code: str, message: str, *, problem: tuple[str, str, str] | None = None) -> Refusal:
    return Refusal(error_response(status, code, message, problem=problem))


def not_found(name: str = "item") -> Refusal:
    """Not there, or not to be seen by this user: nobody can tell which."""
    problem = ("invalid_parameter", name, "Invalid value. Item does not exist or access is denied.")
    return refusal(404, "not_found", "Not Found", problem=problem)


def bad_parameter(name: str, message: str, reason: str = "invalid_parameter") -> Refusal:
    return refusal(400, "bad_request", "Bad Request", problem=(reason, name, message))


def oauth_error(status: int, error: str, description: str, retry_after_s: int | None = None) -> JSONResponse:
    """What the token endpoint says, in OAuth's shape."""
    headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
    return JSONResponse({"error": error, "error_description": description}, status_code=status, headers=headers)


def refuse(status: int, retry_after_s: int | None) -> Response:
    """What Box says with this status to nobody in particular."""
    code, message = _REFUSALS.get(status, ("internal_server_error", "Internal Server Error"))
    return error_response(status, code, message, retry_after_s=retry_after_s)


_REFUSALS: Final = {
    401: ("unauthorized", "Unauthorized"),
    403: ("forbidden", "Access denied - insufficient permission"),
    404: ("not_found", "Not Found"),
    405: ("method_not_allowed", "Method Not Allowed"),
    # The documented reply says rate_limit_exceeded where the API description says too_many_requests.
    429: ("rate_limit_exceeded", "Request rate limit exceeded, please try again later"),
    500: ("internal_server_error", "Internal Server Error"),
    503: ("unavailable", "Unavailable"),
}
