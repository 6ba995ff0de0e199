"""What a write must look like before any route sees it: of a bearable size, not sent by somebody else's page, and JSON
if it is for the API. What pages take is theirs to say (pages/screen.py)."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from errors import Forbidden, PayloadTooLarge
from schemas.problems import plain_problem
from web.problems import error_response, problem_response

TOO_LARGE: Final = "The body is larger than anything this takes. Send less."

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_JSON: Final = "application/json"
_OWN_SITE: Final = frozenset({"same-origin", "none"})


class Guard:
    """Browsers send the session's cookie along with requests that other sites make. They also say where a request comes
    from, so a write that carries no bearer token must come from one of our origins or from no web page at all."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str], json_prefix: str, largest_body_bytes: int) -> None:
        self._app = app
        self._largest_body = largest_body_bytes
        self._origins = frozenset(origins)
        self._json_prefix = json_prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None
        if scope["type"] == "http" and scope["method"] not in _SAFE:
            request = Request(scope)
            refusal = self._refuse_origin(request) or self._refuse_size(request) or self._refuse_type(request)
        await (refusal or self._app)(scope, receive, send)

    def _refuse_origin(self, request: Request) -> Response | None:
        headers = request.headers
        if "authorization" in headers:
            return None
        origins = headers.getlist("origin")
        if origins:
            own = all(origin in self._origins for origin in origins)
        else:
            own = headers.get("sec-fetch-site", "none") in _OWN_SITE
        return None if own else error_response(request, Forbidden("Pages of other sites may not do this."))

    def _refuse_size(self, request: Request) -> Response | None:
        """For a body that says how long it is. One that does not is counted by the framework while it arrives."""
        declared = request.headers.get("content-length", "")
        if not declared.isdecimal() or int(declared[:20]) <= self._largest_body:
            return None
        return error_response(request, PayloadTooLarge(TOO_LARGE))

    def _refuse_type(self, request: Request) -> Response | None:
        if not request.url.path.startswith(self._json_prefix) or not _has_body(request.headers):
            return None
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given == _JSON or (given.startswith("application/") and given.endswith("+json")):
            return None
        problem = plain_problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send the body as {_JSON}.")
        return problem_response(request, problem)


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
