"""One error, dressed for whoever reads it: a page for people, problem+json for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from errors import DatabaseAway, GatehouseError, Overloaded, SourcePaused, TooManyRequests
from schemas.problems import Problem, problem_of
from web.edge import request_id
from web.pages import Pages, asked_in_place, chosen_scheme, prefers_html

MEDIA_TYPE: Final = "application/problem+json"

_PAGES: Final = Pages()


def error_response(request: Request, error: GatehouseError) -> Response:
    """The reply that an error of ours means."""
    headers = {}
    if isinstance(error, (TooManyRequests, Overloaded, DatabaseAway, SourcePaused)):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after.total_seconds())))
    return problem_response(request, problem_of(error), headers)


def problem_response(
    request: Request, problem: Problem, headers: Mapping[str, str] | None = None, *, pages: bool = True
) -> Response:
    """A reply of the problem's status; a page where the request prefers one and `pages` are meant to be there."""
    told = problem.model_copy(update={"request_id": request_id(request.scope)})
    if pages and prefers_html(request):
        template = "problem_in_place.html" if asked_in_place(request) else "problem.html"
        values = {"problem": told, "scheme": chosen_scheme(request)}
        response: Response = _PAGES.render(template, values, told.status)
    else:
        response = JSONResponse(told.model_dump(exclude_none=True), told.status, media_type=MEDIA_TYPE)
    response.headers.update(headers or {})
    response.headers["Cache-Control"] = "no-store"
    return response
