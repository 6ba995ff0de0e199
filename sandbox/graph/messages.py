"""Messages, attachments and folders as Graph writes them in JSON."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from sandbox.documents.mime import message_id
from sandbox.documents.render import content_type_of, file_bytes, html_page
from sandbox.graph.errors import bad_request
from sandbox.graph.ids import IdType, attachment_id, folder_id
from sandbox.world import Attachment, Mail, Mailbox, Person

PREVIEW_CHARACTERS: Final = 255
_WELL_KNOWN: Final = {
    "Inbox": "inbox",
    "Sent Items": "sentitems",
    "Archive": "archive",
    "Deleted Items": "deleteditems",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What the Prefer header of a request asked for."""

    id_type: IdType = "restId"
    is_text: bool = False

    @classmethod
    def parse(cls, header: str) -> Preferences:
        """Several preferences may stand in one header, with commas between them. Unknown ones are ignored."""
        wanted = {part.strip().replace('"', "").lower() for part in header.split(",")}
        return cls(
            id_type="restImmutableEntryId" if "idtype=immutableid" in wanted else "restId",
            is_text="outlook.body-content-type=text" in wanted,
        )

    @property
    def applied(self) -> str:
        """The Preference-Applied header; "" for none."""
        parts = ['IdType="ImmutableId"'] if self.id_type == "restImmutableEntryId" else []
        return ", ".join(parts + (['outlook.body-content-type="text"'] if self.is_text else []))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A message as one request sees it."""

    mail: Mail
    mailbox: Mailbox
    id: str
    preferences: Preferences


def message_json(view: View, select: Sequence[str] | None) -> dict[str, object]:
    """The selected properties, `id` always among them; without a selection all but `uniqueBody` and the headers."""
    names = ["id", *(name for name in select if name != "id")] if select is not None else _BY_DEFAULT
    tag = {"@odata.etag": f'W/"{change_key(view.mail)}"'}
    return tag | {name: _PROPERTIES[name](view) for name in names}


def parse_select(option: str | None) -> list[str] | None:
    """The names in $select, None without one. Refuses names that messages do not have."""
    if not option:
        return None
    names = [name.strip() for name in option.split(",")]
    for name in names:
        if name not in _PROPERTIES:
            text = f"Could not find a property named '{name}' on type 'microsoft.graph.message'."
            raise bad_request(f"Parsing OData Select and Expand failed: {text}", "RequestBroker--ParseUri")
    return names


def change_key(mail: Mail) -> str:
    return "CQAAABYAAAD" + b64encode(mail.id.encode()).decode()[-16:].replace("=", "A")


def attachment_json(
    attachment: Attachment, number: int, view: View, *, with_content: bool, expanded: bool = False
) -> dict[str, object]:
    """An attachment. Files carry their bytes only when they are wanted, attached mails their message only expanded."""
    kind = {"file": "fileAttachment", "item": "itemAttachment", "reference": "referenceAttachment"}[attachment.kind]
    answer: dict[str, object] = {
        "@odata.type": f"#microsoft.graph.{kind}",
        "@odata.mediaContentType": content_type_of(attachment.name) if attachment.kind == "file" else None,
        "id": attachment_id(view.id, number),
        "lastModifiedDateTime": moment(view.mail.sent_at),
        "name": attachment.name,
        "contentType": content_type_of(attachment.name) if attachment.kind == "file" else None,
        "size": _size_bytes(attachment),
        "isInline": attachment.is_inline,
    }
    if attachment.kind == "file" and with_content:
        answer["contentBytes"] = b64encode(file_bytes(attachment.name, attachment.text)).decode()
        answer["contentId"] = None
        answer["contentLocation"] = None
    if attachment.item is not None and expanded:
        inner = View(mail=attachment.item, mailbox=view.mailbox, id="", preferences=view.preferences)
        answer["item"] = {"@odata.type": "#microsoft.graph.message"} | message_json(inner, None)
    return answer


def folder_json(mailbox: Mailbox, name: str, mails: Sequence[Mail]) -> dict[str, object]:
    """One folder. All hang below the root."""
    return {
        "id": folder_id(mailbox.id, name),
        "displayName": name,
        "parentFolderId": folder_id(mailbox.id, ""),
        "childFolderCount": 0,
        "unreadItemCount": sum(not mail.is_read for mail in mails),
        "totalItemCount": len(mails),
        "isHidden": False,
    }


def is_folder(name: str, wanted: str, mailbox: Mailbox) -> bool:
    """Whether a folder is meant by an id or by one of the well-known names."""
    return wanted == folder_id(mailbox.id, name) or wanted.lower() == _WELL_KNOWN.get(name)


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _size_bytes(attachment: Attachment) -> int:
    if attachment.item is not None:
        return len(attachment.item.body.encode()) + 1_000
    return len(file_bytes(attachment.name, attachment.text)) if attachment.kind == "file" else 0


def _recipient(person: Person) -> dict[str, object]:
    return {"emailAddress": {"name": person.name, "address": person.address}}


def _recipients(people: Sequence[Person]) -> list[dict[str, object]]:
    return [_recipient(person) for person in people]


def _body(view: View) -> dict[str, object]:
    if view.preferences.is_text:
        return {"contentType": "text", "content": view.mail.body.replace("\n", "\r\n")}
    return {"contentType": "html", "content": html_page(view.mail.body)}


def _web_link(view: View) -> str:
    item = quote(view.id, safe="")
    return f"https://outlook.office365.com/owa/?ItemID={item}&exvsurl=1&viewmodel=ReadMessageItem"


_PROPERTIES: Final[dict[str, Callable[[View], object]]] = {
    "id": lambda view: view.id,
    "createdDateTime": lambda view: moment(view.mail.sent_at),
    "lastModifiedDateTime": lambda view: moment(view.mail.sent_at),
    "changeKey": lambda view: change_key(view.mail),
    "categories": lambda _view: [],
    "receivedDateTime": lambda view: moment(view.mail.sent_at),
    "sentDateTime": lambda view: moment(view.mail.sent_at),
    "hasAttachments": lambda view: any(not attachment.is_inline for attachment in view.mail.attachments),
    "internetMessageId": lambda view: message_id(view.mail),
    "subject": lambda view: view.mail.subject,
    "bodyPreview": lambda view: view.mail.body[:PREVIEW_CHARACTERS].replace("\n", "\r\n"),
    "importance": lambda view: view.mail.importance,
    "parentFolderId": lambda view: folder_id(view.mailbox.id, view.mail.folder),
    "conversationId": lambda view: b64encode(view.mail.conversation.encode()).decode(),
    "conversationIndex": lambda view: b64encode(view.mail.conversation.encode()).decode(),
    "isDeliveryReceiptRequested": lambda _view: False,
    "isReadReceiptRequested": lambda _view: False,
    "isRead": lambda view: view.mail.is_read,
    "isDraft": lambda _view: False,
    "webLink": _web_link,
    "inferenceClassification": lambda _view: "focused",
    "body": _body,
    "sender": lambda view: _recipient(view.mail.sender),
    "from": lambda view: _recipient(view.mail.sender),
    "toRecipients": lambda view: _recipients(view.mail.to),
    "ccRecipients": lambda view: _recipients(view.mail.cc),
    "bccRecipients": lambda view: _recipients(view.mail.bcc),
    "replyTo": lambda _view: [],
    "flag": lambda _view: {"flagStatus": "notFlagged"},
    "uniqueBody": _body,
    "internetMessageHeaders": lambda view: [{"name": "Message-ID", "value": message_id(view.mail)}],
}
_BY_DEFAULT: Final = tuple(name for name in _PROPERTIES if name not in {"uniqueBody", "internetMessageHeaders"})
