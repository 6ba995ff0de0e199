"""Every way in which a portal request can fail, as a problem."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from errors import BadRequest, FieldProblem, GatehouseError, Invalid, NotFound, PayloadTooLarge, Unauthenticated
from portal.guard import TOO_LARGE
from portal.pages.screen import to_sign_in
from schemas.fields import plain_message
from schemas.problems import plain_problem, problem_of
from web.edge import OUR_FAULT
from web.pages import prefers_html
from web.problems import error_response, problem_response

_PLACES: Final = frozenset({"body", "query", "header", "cookie"})


def install(app: FastAPI, tags: Sequence[str]) -> None:
    """`tags` are the values of discriminators: they stand in pydantic's locations and mean nothing to people."""

    @app.exception_handler(GatehouseError)
    async def ours(request: Request, error: GatehouseError) -> Response:
        is_page = not request.url.path.startswith("/api/")
        if isinstance(error, Unauthenticated) and is_page and prefers_html(request):
            return to_sign_in(request)
        response = error_response(request, error)
        if isinstance(error, Unauthenticated):
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return error_response(request, _validation_error(error.errors(), frozenset(tags)))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.NOT_FOUND:
            return _nothing_here(request)
        if error.status_code == HTTPStatus.BAD_REQUEST:
            return error_response(request, BadRequest("The body cannot be read as JSON."))
        if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return error_response(request, PayloadTooLarge(TOO_LARGE))
        status = HTTPStatus(error.status_code)
        return problem_response(
            request, plain_problem(status, f"{status.description or status.phrase}."), error.headers
        )

    @app.exception_handler(Exception)
    async def bug(request: Request, _error: Exception) -> Response:
        """Logged by the edge, to which it is passed on."""
        return error_response(request, GatehouseError(OUR_FAULT))


def _nothing_here(request: Request) -> Response:
    problem = problem_of(NotFound("There is nothing under this path. The API is described at /api/docs."))
    where = {
        "method": request.method,
        "path": request.url.path[:200],
        "host": request.headers.get("host", "")[:200],
    }
    return problem_response(request, problem.model_copy(update=where))


def _validation_error(found: Sequence[Any], tags: frozenset[str]) -> GatehouseError:
    """What was typed is left out: it may be a secret."""
    if any(problem["type"] == "json_invalid" for problem in found):
        return BadRequest("The body is not valid JSON.")
    if any(problem["loc"][0] == "path" for problem in found):
        return NotFound("There is nothing with this id.")
    return Invalid("Some fields do not fit.", [_problem(problem, tags) for problem in found])


def _problem(problem: Any, tags: frozenset[str]) -> FieldProblem:
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):  # the former's message repeats what was typed
        return FieldProblem(_field((*problem["loc"], "type"), tags), f"Choose one of {', '.join(sorted(tags))}")
    return FieldProblem(_field(problem["loc"], tags), plain_message(problem["msg"]))


def _field(location: Sequence[object], tags: frozenset[str]) -> str:
    """The path without where in the request it begins: a field may itself be called `query`."""
    parts = [str(part) for part in location[1 if location[0] in _PLACES else 0 :]]
    if parts and parts[0] in tags:
        del parts[0]
    return ".".join(parts) or "body"
