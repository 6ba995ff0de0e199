"""Snowflake's errors: `{"code", "message", ...}`, with a statement's handle and SQLSTATE where there is a statement."""

from __future__ import annotations

import uuid
from typing import Final

from starlette.responses import JSONResponse, Response

from sandbox.vendor import Refusal


class StatementFailed(Exception):
    """A statement that was taken and could not be done. Answered with 422, or 408 when its time was up."""

    def __init__(self, code: str, sql_state: str, message: str, *, status: int = 422) -> None:
        super().__init__(message)
        self.code = code
        self.sql_state = sql_state
        self.message = message
        self.status = status


def compilation_error(message: str, *, code: str = "000904", sql_state: str = "42000") -> StatementFailed:
    return StatementFailed(code, sql_state, f"SQL compilation error: {message}")


def syntax_error(found: str, position: int) -> StatementFailed:
    text = f"\nsyntax error line 1 at position {position} unexpected '{found}'."
    return compilation_error(text, code="001003")


def missing_object(kind: str, name: str) -> StatementFailed:
    return compilation_error(f"\n{kind} '{name}' does not exist or not authorized.", code="002003", sql_state="42S02")


def error_response(status: int, code: str, message: str, *, retry_after_s: int | None = None) -> JSONResponse:
    """An error without a statement. `error_code` is the deprecated twin of `code` (Cortex REST descriptions)."""
    request_id = str(uuid.uuid4())
    headers = {"x-snowflake-request-id": request_id}
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    body = {"code": code, "error_code": code, "message": message, "request_id": request_id}
    return JSONResponse(body, status_code=status, headers=headers)


def refusal(status: int, code: str, message: str) -> Refusal:
    return Refusal(error_response(status, code, message))


def refuse(status: int, retry_after_s: int | None) -> Response:
    """What Snowflake says with this status to nobody in particular."""
    code, message = _REFUSALS.get(status, ("000603", "SQL execution internal error."))
    return error_response(status, code, message, retry_after_s=retry_after_s)


_REFUSALS: Final = {
    401: ("390303", "Invalid OAuth access token."),
    403: ("390400", "API is not enabled."),
    404: ("390404", "Not found."),
    405: ("390405", "Method not allowed."),
    429: ("390505", "Too many requests. Please try again later."),
    500: ("390500", "Internal server error."),
    503: ("390503", "Service unavailable."),
}
