"""Graph's routes for mail, below /v1.0, for an application with Mail.Read.

Sources: "List messages", "Use the $search query parameter", "Get attachment", "user: translateExchangeIds", "Outlook
service limits" (Microsoft Graph docs).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.admission import Concurrency, Grant, OverQuota, Rate, TokenExpired, Tokens, TokenUnknown
from sandbox.behaviour import Clock
from sandbox.graph.attachments import AttachmentRoutes
from sandbox.graph.errors import refusal, refuse
from sandbox.graph.listing import MessageRoutes
from sandbox.graph.store import MailStore
from sandbox.vendor import Vendor, bearer_token, remember_grant
from sandbox.world import World

CONCURRENT_PER_APP: Final = 4
REQUESTS_PER_PERIOD: Final = 10_000
PERIOD: Final = timedelta(minutes=10)
_RETRY_AFTER_S: Final = 1


def graph_vendor(world: World, *, tokens: Tokens, clock: Clock, quotas: bool) -> Vendor:
    store = MailStore(world, clock)
    lists, files = MessageRoutes(store), AttachmentRoutes(store)
    concurrency = Concurrency(CONCURRENT_PER_APP, _RETRY_AFTER_S)
    rate = Rate(REQUESTS_PER_PERIOD, PERIOD, clock)

    @contextmanager
    def admit(request: Request, _route: str) -> Iterator[None]:
        grant = _authenticate(request, tokens)
        remember_grant(request, grant)
        with ExitStack() as held:
            if quotas:
                try:
                    held.enter_context(concurrency.slot(grant.app))
                    rate.take(f"{grant.app} {_user_in(request)}")
                except OverQuota as over:
                    text = "Application is over its MailboxConcurrency limit."
                    raise refusal(429, "ApplicationThrottled", text, retry_after_s=over.retry_after_s) from over
            yield

    user, message = "/v1.0/users/{user}", "/v1.0/users/{user}/messages/{message}"
    folder = user + "/mailFolders/{folder}"
    routes = (
        Route(user + "/messages", lists.messages, name="messages"),
        Route(message, lists.message, name="message"),
        Route(message + "/$value", lists.mime, name="mime"),
        Route(message + "/attachments", files.attachments, name="attachments"),
        Route(message + "/attachments/{attachment}", files.attachment, name="attachment"),
        Route(message + "/attachments/{attachment}/$value", files.content, name="attachment_content"),
        Route(user + "/mailFolders", lists.folders, name="folders"),
        Route(folder, lists.folder, name="folder"),
        Route(folder + "/messages", lists.messages, name="messages"),
        Route(user + "/translateExchangeIds", lists.translate, methods=["POST"], name="translate"),
        Route(user, _no_directory_access, name="user"),
        Route("/v1.0/search/query", _no_query_api, methods=["POST"], name="query"),
    )
    return Vendor(source="graph", routes=routes, admit=admit, refuse=refuse)


def _authenticate(request: Request, tokens: Tokens) -> Grant:
    token = bearer_token(request)
    if token is None:
        raise refusal(401, "InvalidAuthenticationToken", "Access token is empty.")
    try:
        return tokens.check("graph", token)
    except TokenUnknown as error:
        raise refusal(401, "InvalidAuthenticationToken", "IDX14100: JWT is not well formed.") from error
    except TokenExpired as error:
        text = "Lifetime validation failed, the token is expired."
        raise refusal(401, "InvalidAuthenticationToken", text) from error


def _user_in(request: Request) -> str:
    """The user a path is about: the limit is one for each app and mailbox."""
    _, _, rest = request.url.path.partition("/users/")
    return rest.partition("/")[0].lower()


async def _no_directory_access(_request: Request) -> Response:
    """Mail.Read does not open the directory."""
    raise refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


async def _no_query_api(_request: Request) -> Response:
    """Refused for applications asking for messages (msgraph-sdk-dotnet#2324)."""
    text = (
        "Application permission is only supported for the following entity types: site, list, listitem, drive and "
        "driveitem."
    )
    raise refusal(400, "BadRequest", text)
