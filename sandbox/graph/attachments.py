"""What came with a message: lists, items, and the bytes themselves."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.documents.mime import mime_bytes
from sandbox.documents.render import file_bytes
from sandbox.graph.errors import item_not_found, refusal
from sandbox.graph.ids import attachment_id
from sandbox.graph.messages import Preferences, View, attachment_json
from sandbox.graph.store import MailStore
from sandbox.world import Attachment


class AttachmentRoutes:
    """Every route opens the mailbox and finds the message first."""

    def __init__(self, store: MailStore) -> None:
        self._store = store

    async def attachments(self, request: Request) -> Response:
        """All of a message. With $select, only those properties: without `contentBytes` the bytes are left out."""
        view = self._view(request)
        select = _selected(request)
        answers = [
            attachment_json(attachment, number, view, with_content=select is None or "contentBytes" in select)
            for number, attachment in enumerate(view.mail.attachments)
        ]
        return JSONResponse({"value": [_narrowed(answer, select) for answer in answers]})

    async def attachment(self, request: Request) -> Response:
        view = self._view(request)
        number, attachment = _attachment(request, view)
        select = _selected(request)
        expanded = "itemattachment/item" in request.query_params.get("$expand", "").lower()
        with_content = select is None or "contentBytes" in select
        answer = attachment_json(attachment, number, view, with_content=with_content, expanded=expanded)
        return JSONResponse(_narrowed(answer, select))

    async def content(self, request: Request) -> Response:
        """A file's bytes, an attached mail as MIME; there is nothing behind a link ("Get attachment", Graph docs)."""
        _, attachment = _attachment(request, self._view(request))
        if attachment.item is not None:
            return Response(mime_bytes(attachment.item), media_type="application/octet-stream")
        if attachment.kind == "reference":
            raise refusal(405, "ErrorInvalidRequest", "Raw content is not available for reference attachments.")
        data = file_bytes(attachment.name, attachment.text)
        return Response(data, media_type="application/octet-stream")

    def _view(self, request: Request) -> View:
        mailbox = self._store.open(request.path_params["user"])
        preferences = Preferences.parse(request.headers.get("prefer", ""))
        mail = mailbox.get(request.path_params["message"], preferences.id_type)
        return mailbox.view(mail, preferences)


def _attachment(request: Request, view: View) -> tuple[int, Attachment]:
    for number, attachment in enumerate(view.mail.attachments):
        if attachment_id(view.id, number) == request.path_params["attachment"]:
            return number, attachment
    raise item_not_found()


def _selected(request: Request) -> set[str] | None:
    option = request.query_params.get("$select")
    return {name.strip() for name in option.split(",")} if option else None


def _narrowed(answer: dict[str, object], select: set[str] | None) -> dict[str, object]:
    if select is None:
        return answer
    return {name: value for name, value in answer.items() if name.startswith("@odata") or name in select | {"id"}}
