"""Box's routes: the API below /2.0, the token endpoint, and below /dl what dl.boxcloud.com serves.

Sources: "Client Credentials Grant", "Search for content", "Download a file", "Rate limits" (Box developer docs).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.admission import Grant, OverQuota, Rate, Secrets, TokenExpired, Tokens, TokenUnknown
from sandbox.behaviour import Behaviour, Clock
from sandbox.box.downloads import Downloads
from sandbox.box.errors import bad_parameter, error_response, refusal, refuse
from sandbox.box.items import comment_json, file_json, folder_json, mini_json, parse_fields, user_json
from sandbox.box.representations import Representations
from sandbox.box.search import Search
from sandbox.box.token import TokenEndpoint
from sandbox.box.tree import Tree
from sandbox.vendor import Refusal, Vendor, bearer_token, grant_of, remember_grant
from sandbox.world import World

CALLS_PER_MINUTE: Final = 1_000
SEARCHES_PER_MINUTE: Final = 60
SEARCHES_PER_SECOND: Final = 6
_OPEN: Final = frozenset({"token", "download", "unknown"})
DEFAULT_LIMIT: Final = 100
MOST_LIMIT: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Routes:
    """The plain ones. All see the tree as the token's user."""

    tree: Tree
    representations: Representations

    async def file(self, request: Request) -> Response:
        file = self.tree.file(request.path_params["file"], grant_of(request).subject)
        hints = request.headers.get("x-rep-hints", "")
        extra = {"representations": self.representations.entries(file, hints, request)}
        return JSONResponse(file_json(file, self.tree, parse_fields(request.query_params.get("fields")), extra))

    async def comments(self, request: Request) -> Response:
        file = self.tree.file(request.path_params["file"], grant_of(request).subject)
        entries = [comment_json(comment, file, self.tree) for comment in file.comments]
        return JSONResponse({"total_count": len(entries), "limit": DEFAULT_LIMIT, "offset": 0, "entries": entries})

    async def folder(self, request: Request) -> Response:
        folder = self.tree.folder(request.path_params["folder"], grant_of(request).subject)
        fields = parse_fields(request.query_params.get("fields"))
        answer = folder_json(folder, self.tree, fields)
        if fields is None:
            answer["item_collection"] = self._page(request)
        return JSONResponse(answer)

    async def items(self, request: Request) -> Response:
        return JSONResponse(self._page(request))

    async def me(self, request: Request) -> Response:
        user = user_json(self.tree.user(grant_of(request).subject))
        enterprise = {"type": "enterprise", "id": self.tree.enterprise_id, "name": "Enterprise"}
        return JSONResponse(user | {"enterprise": enterprise, "status": "active", "role": "user"})

    def _page(self, request: Request) -> dict[str, object]:
        user = grant_of(request).subject
        folder = self.tree.folder(request.path_params["folder"], user)
        limit, offset = _number(request, "limit", DEFAULT_LIMIT, MOST_LIMIT), _number(request, "offset", 0, 10_000)
        fields = parse_fields(request.query_params.get("fields"))
        found = self.tree.inside(folder, user)
        entries = [mini_json(item, self.tree, fields) for item in found[offset : offset + limit]]
        return {"total_count": len(found), "limit": limit, "offset": offset, "entries": entries}


class _Admission:
    """Tokens and quotas."""

    def __init__(self, tokens: Tokens, clock: Clock, *, quotas: bool) -> None:
        self._tokens = tokens
        self._quotas = quotas
        self._calls = Rate(CALLS_PER_MINUTE, timedelta(minutes=1), clock)
        self._searches = Rate(SEARCHES_PER_MINUTE, timedelta(minutes=1), clock)
        self._bursts = Rate(SEARCHES_PER_SECOND, timedelta(seconds=1), clock)

    @contextmanager
    def admit(self, request: Request, route: str) -> Iterator[None]:
        """Downloads are opened by their address alone, the token endpoint by its form."""
        if route not in _OPEN:
            grant = self._authenticate(request)
            remember_grant(request, grant)
            if self._quotas:
                self._count(grant.subject, route)
            if "as-user" in request.headers:
                # It takes an application with enterprise access and "perform actions as users"; ours has neither.
                raise refusal(403, "forbidden", "Access denied - insufficient permission")
        yield

    def _authenticate(self, request: Request) -> Grant:
        try:
            return self._tokens.check("box", bearer_token(request) or "")
        except (TokenUnknown, TokenExpired) as error:
            raise refusal(401, "unauthorized", "Unauthorized") from error

    def _count(self, user: str, route: str) -> None:
        try:
            if route == "search":
                self._bursts.take(user)
                self._searches.take(user)
            self._calls.take(user)
        except OverQuota as over:
            text = "Request rate limit exceeded, please try again later"
            answer = error_response(429, "rate_limit_exceeded", text, retry_after_s=over.retry_after_s)
            raise Refusal(answer) from over


def box_vendor(
    world: World, *, tokens: Tokens, secrets: Secrets, clock: Clock, quotas: bool, behaviour: Behaviour
) -> Vendor:
    tree = Tree(world)
    representations = Representations(tree, behaviour.representation_polls)
    plain, downloads = _Routes(tree, representations), Downloads(tree, clock)
    endpoint = TokenEndpoint(world, tokens, secrets, behaviour)
    made = "/2.0/internal_files/{file}/versions/{version}/representations/{name}"
    routes = (
        Route("/oauth2/token", endpoint.token, methods=["POST"], name="token"),
        Route("/2.0/search", Search(tree).search, name="search"),
        Route("/2.0/files/{file}", plain.file, name="file"),
        Route("/2.0/files/{file}/content", downloads.redirect, name="content"),
        Route("/2.0/files/{file}/comments", plain.comments, name="comments"),
        Route("/2.0/folders/{folder}", plain.folder, name="folder"),
        Route("/2.0/folders/{folder}/items", plain.items, name="items"),
        Route("/2.0/users/me", plain.me, name="me"),
        Route(made, representations.info, name="representation"),
        Route("/dl" + made + "/content/{asset:path}", representations.content, name="representation_content"),
        Route("/dl/d/1/b1!{link}/download", downloads.content, name="download"),
    )
    admission = _Admission(tokens, clock, quotas=quotas)
    return Vendor(source="box", routes=routes, admit=admission.admit, refuse=refuse)


def _number(request: Request, name: str, default: int, most: int) -> int:
    value = request.query_params.get(name, str(default))
    if not value.isdecimal() or int(value) > most:
        raise bad_parameter(name, f"Invalid value '{value}'. It must be between 0 and {most}.")
    return int(value)
