"""Lists of messages, found by $search or by date; single messages; folders; other ids."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final, cast
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.documents.mime import mime_bytes
from sandbox.graph.errors import bad_request, item_not_found
from sandbox.graph.filters import parse_filter, parse_order
from sandbox.graph.ids import IdType
from sandbox.graph.kql import KqlSyntaxError, parse_search
from sandbox.graph.mail_index import UnreadableValue
from sandbox.graph.messages import Preferences, folder_json, is_folder, message_json, parse_select
from sandbox.graph.store import MailStore, OpenMailbox
from sandbox.vendor import base_url, origin
from sandbox.world import Mail

DEFAULT_TOP: Final = 10
MOST_TOP: Final = 1000
MOST_FOUND: Final = 1000
"""$search of messages returns up to so many results."""
MOST_TRANSLATED: Final = 1000


class MessageRoutes:
    """Every route opens the mailbox first, and refuses one that is not ours to read."""

    def __init__(self, store: MailStore) -> None:
        self._store = store

    async def messages(self, request: Request) -> Response:
        """One page of a mailbox or a folder, newest first."""
        mailbox = self._store.open(request.path_params["user"])
        options = request.query_params
        select = parse_select(options.get("$select"))
        top = _parse_top(options.get("$top"))
        found = _searched(mailbox, request) if "$search" in options else _listed(mailbox, request)
        found = _in_folder(mailbox, request.path_params.get("folder"), found)
        start = _start(request)
        page = found[start : start + top]
        preferences = Preferences.parse(request.headers.get("prefer", ""))
        views = [mailbox.view(mail, preferences) for mail in page]
        answer: dict[str, object] = {
            "@odata.context": f"{base_url(request)}/v1.0/$metadata#users('{mailbox.mailbox.id}')/messages",
            "value": [message_json(view, select) for view in views],
        }
        if start + top < len(found):
            answer["@odata.nextLink"] = _next_link(request, start + top)
        return _json(answer, preferences)

    async def message(self, request: Request) -> Response:
        mailbox = self._store.open(request.path_params["user"])
        preferences = Preferences.parse(request.headers.get("prefer", ""))
        mail = mailbox.get(request.path_params["message"], preferences.id_type)
        select = parse_select(request.query_params.get("$select"))
        return _json(message_json(mailbox.view(mail, preferences), select), preferences)

    async def mime(self, request: Request) -> Response:
        mailbox = self._store.open(request.path_params["user"])
        preferences = Preferences.parse(request.headers.get("prefer", ""))
        mail = mailbox.get(request.path_params["message"], preferences.id_type)
        return Response(mime_bytes(mail), media_type="text/plain")

    async def folders(self, request: Request) -> Response:
        mailbox = self._store.open(request.path_params["user"])
        return JSONResponse({"value": [_folder(mailbox, name) for name in mailbox.folders()]})

    async def folder(self, request: Request) -> Response:
        mailbox = self._store.open(request.path_params["user"])
        return JSONResponse(_folder(mailbox, _folder_name(mailbox, request.path_params["folder"])))

    async def translate(self, request: Request) -> Response:
        """Ids of one kind as ids of another, in the order asked; one that is not known comes with `errorDetails`."""
        mailbox = self._store.open(request.path_params["user"])
        asked = json.loads(await request.body())
        ids, source, target = asked["inputIds"], asked["sourceIdType"], asked["targetIdType"]
        if len(ids) > MOST_TRANSLATED or {source, target} - {"restId", "restImmutableEntryId"}:
            raise bad_request("The request is invalid.", "ErrorInvalidRequest")
        kinds = cast("tuple[IdType, IdType]", (source, target))
        return JSONResponse({"value": [_translation(mailbox, asked_id, *kinds) for asked_id in ids]})


def _searched(mailbox: OpenMailbox, request: Request) -> Sequence[Mail]:
    options = request.query_params
    for name in ("$orderby", "$filter", "$skip"):
        if name in options:
            text = f"The query parameter '{name}' is not supported with '$search'."
            raise bad_request(text, "SearchWithOrderBy" if name == "$orderby" else "SearchWithFilter")
    try:
        node = parse_search(options["$search"])
        numbers = mailbox.index.search(node) if node is not None else []
    except (KqlSyntaxError, UnreadableValue) as error:
        raise bad_request(str(error)) from error
    return [mailbox.index.mails[number] for number in numbers[:MOST_FOUND]]


def _listed(mailbox: OpenMailbox, request: Request) -> Sequence[Mail]:
    keep = parse_filter(request.query_params.get("$filter"))
    is_newest_first = parse_order(request.query_params.get("$orderby"), request.query_params.get("$filter"))
    kept = [mail for mail in mailbox.index.mails if keep(mail)]
    return kept if is_newest_first else kept[::-1]


def _in_folder(mailbox: OpenMailbox, wanted: str | None, found: Sequence[Mail]) -> Sequence[Mail]:
    if wanted is None:
        return found
    name = _folder_name(mailbox, wanted)
    return [mail for mail in found if mail.folder == name]


def _folder_name(mailbox: OpenMailbox, wanted: str) -> str:
    for name in mailbox.folders():
        if is_folder(name, wanted, mailbox.mailbox):
            return name
    raise item_not_found()


def _folder(mailbox: OpenMailbox, name: str) -> dict[str, object]:
    return folder_json(mailbox.mailbox, name, [mail for mail in mailbox.mails if mail.folder == name])


def _parse_top(option: str | None) -> int:
    if option is None:
        return DEFAULT_TOP
    if not option.isdecimal() or not 1 <= int(option) <= MOST_TOP:
        text = f"Invalid value '{option}' for $top query option found. It must be between 1 and {MOST_TOP}."
        raise bad_request(text, "RequestBroker--ParseUri")
    return int(option)


def _start(request: Request) -> int:
    """Where the page begins: what our own nextLink says, or $skip."""
    token = request.query_params.get("$skiptoken")
    if token is not None:
        try:
            return int(urlsafe_b64decode(token).removeprefix(b"from:"))
        except ValueError as error:
            raise bad_request("The skip token is not valid.") from error
    skip = request.query_params.get("$skip", "0")
    if not skip.isdecimal():
        raise bad_request(f"Invalid value '{skip}' for $skip query option found.", "RequestBroker--ParseUri")
    return int(skip)


def _next_link(request: Request, start: int) -> str:
    """The whole address of the next page, on the host that was asked."""
    options = [(name, value) for name, value in request.query_params.multi_items() if name != "$skiptoken"]
    options = [(name, value) for name, value in options if name != "$skip"]
    token = urlsafe_b64encode(b"from:%d" % start).decode()
    query = urlencode([*options, ("$skiptoken", token)], safe="$,")
    return f"{origin(request)}{request.url.path}?{query}"


def _translation(mailbox: OpenMailbox, id: str, source: IdType, target: IdType) -> dict[str, object]:
    translated = mailbox.translated(id, source, target)
    if translated is not None:
        return {"sourceId": id, "targetId": translated}
    error = {"code": "ErrorItemNotFound", "message": "The specified object was not found in the store."}
    return {"sourceId": id, "errorDetails": error}


def _json(answer: dict[str, object], preferences: Preferences) -> Response:
    headers = {"preference-applied": preferences.applied} if preferences.applied else {}
    return JSONResponse(answer, headers=headers)
