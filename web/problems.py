"""One error, dressed for whoever reads it: a page for people, problem+json for programs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from errors import GatehouseError
from schemas.problems import Problem, problem_of
from web.edge import request_id
from web.pages import Pages, asked_in_place, chosen_scheme, prefers_html
from web.waits import in_words, wait_after

MEDIA_TYPE: Final = "application/problem+json"

_PAGES: Final = Pages()


def error_response(request: Request, error: GatehouseError) -> Response:
    """The reply that an error of ours means."""
    wait = wait_after(error)
    headers = {} if wait is None else {"Retry-After": str(int(wait.total_seconds()))}
    return problem_response(request, problem_of(error), headers, wait=wait)


def problem_response(
    request: Request,
    problem: Problem,
    headers: Mapping[str, str] | None = None,
    *,
    pages: bool = True,
    wait: timedelta | None = None,
) -> Response:
    """A reply of the problem's status; a page where the request prefers one and `pages` are meant to be there. After
    `wait` the same request may do better."""
    told = problem.model_copy(update={"request_id": request_id(request.scope)})
    if pages and prefers_html(request):
        template = "problem_in_place.html" if asked_in_place(request) else "problem.html"
        values = {"problem": told, "scheme": chosen_scheme(request), **problem_values(wait, request.method)}
        response: Response = _PAGES.render(template, values, told.status)
    else:
        response = JSONResponse(told.model_dump(exclude_none=True), told.status, media_type=MEDIA_TYPE)
    response.headers.update(headers or {})
    response.headers["Cache-Control"] = "no-store"
    return response


def problem_values(wait: timedelta | None, method: str = "") -> Mapping[str, str | bool]:
    """What the templates say of waiting: how long, and whether a link to the same address asks for the same again,
    which it does not for a form that was sent."""
    return {"wait": "" if wait is None else in_words(wait), "again": wait is not None and method == "GET"}
