"""What Graph tells about mail, read from its JSON into frozen values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from errors import SourceUnavailable

_HEADERS: Final = ("id", "subject", "from", "toRecipients", "receivedDateTime", "hasAttachments", "webLink")
PREVIEW_FIELDS: Final = (*_HEADERS, "bodyPreview")
SEARCH_FIELDS: Final = (*PREVIEW_FIELDS, "body")
MESSAGE_FIELDS: Final = (*SEARCH_FIELDS, "ccRecipients", "conversationId")
ATTACHMENT_FIELDS: Final = ("id", "name", "contentType", "size", "isInline")

AttachmentKind = Literal["file", "item", "reference"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who wrote or got a message."""

    name: str
    address: str

    def __str__(self) -> str:
        if self.name and self.address and self.name != self.address:
            return f"{self.name} <{self.address}>"
        return self.address or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. What was not selected, or is not there, is empty."""

    id: str
    subject: str
    sender: Person | None
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    received_at: datetime | None
    """In UTC."""
    preview: str
    """The first 255 characters of the body."""
    body: str = field(repr=False)
    """Plain text, lines ending with `\\n`."""
    has_attachments: bool
    """Whether there are others than inline ones."""
    link: str
    """A page of Outlook on the web, for whoever may open the mailbox."""
    conversation: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, newest first, and where the next ones are."""

    messages: tuple[Message, ...]
    next_link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What comes with a message, without its content."""

    id: str
    name: str
    content_type: str
    size_bytes: int
    """As Graph counts it, headers included."""
    is_inline: bool
    kind: AttachmentKind
    """A file; an Outlook item, such as a message; or a link to a file kept elsewhere."""


def read_page(content: bytes) -> Page:
    """A page of messages. Raises SourceUnavailable for anything else."""
    page = _read(_Page, content)
    return Page(tuple(_message(message) for message in page.value), page.next_link)


def read_message(content: bytes) -> Message:
    """One message. Raises SourceUnavailable for anything else."""
    return _message(_read(_Message, content))


def read_attachments(content: bytes) -> tuple[Attachment, ...]:
    """The attachments of a message. Raises SourceUnavailable for anything else."""
    return tuple(
        Attachment(
            id=attachment.id,
            name=attachment.name,
            content_type=attachment.content_type,
            size_bytes=attachment.size,
            is_inline=attachment.is_inline,
            kind=_KINDS.get(attachment.type, "file"),
        )
        for attachment in _read(_Attachments, content).value
    )


def _whole(value: object) -> object:
    """Text without halves of surrogate pairs, which Exchange leaves where it cuts a preview inside an emoji, and which
    nothing after us could encode. Null is empty."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "" if value is None else value


def _or_nothing(value: object) -> object:
    return () if value is None else value


_Text = Annotated[str, BeforeValidator(_whole)]


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, hide_input_in_errors=True)


class _EmailAddress(_Wire):
    name: _Text = ""
    address: _Text = ""


class _Recipient(_Wire):
    email_address: _EmailAddress = _EmailAddress()


class _Body(_Wire):
    content: _Text = ""


_Recipients = Annotated[tuple[_Recipient, ...], BeforeValidator(_or_nothing)]


class _Message(_Wire):
    id: Annotated[str, Field(min_length=1)]
    subject: _Text = ""
    sender: Annotated[_Recipient | None, Field(alias="from")] = None
    to_recipients: _Recipients = ()
    cc_recipients: _Recipients = ()
    received_date_time: AwareDatetime | None = None
    body_preview: _Text = ""
    body: _Body | None = None
    has_attachments: bool | None = None
    web_link: _Text = ""
    conversation_id: _Text = ""


class _Page(_Wire):
    value: tuple[_Message, ...]
    next_link: Annotated[str | None, Field(alias="@odata.nextLink")] = None


class _Attachment(_Wire):
    type: Annotated[str, Field(alias="@odata.type")] = ""
    id: Annotated[str, Field(min_length=1)]
    name: _Text = ""
    content_type: _Text = ""
    size: int = 0
    is_inline: bool = False


class _Attachments(_Wire):
    value: tuple[_Attachment, ...]


_WireT = TypeVar("_WireT", bound=_Wire)
_KINDS: Final[dict[str, AttachmentKind]] = {
    "#microsoft.graph.itemAttachment": "item",
    "#microsoft.graph.referenceAttachment": "reference",
}


def _read(model: type[_WireT], content: bytes) -> _WireT:
    try:
        # pydantic's own JSON reader refuses a whole page for one half of a surrogate pair.
        parsed: Any = json.loads(content)
        return model.model_validate(parsed)
    except (ValueError, RecursionError) as error:
        raise SourceUnavailable("Microsoft Graph answered with something that is not mail.") from error


def _message(message: _Message) -> Message:
    return Message(
        id=message.id,
        subject=message.subject.strip(),
        sender=_person(message.sender) if message.sender else None,
        to=tuple(_person(recipient) for recipient in message.to_recipients),
        cc=tuple(_person(recipient) for recipient in message.cc_recipients),
        received_at=message.received_date_time.astimezone(UTC) if message.received_date_time else None,
        preview=message.body_preview,
        body=message.body.content.replace("\r\n", "\n") if message.body else "",
        has_attachments=bool(message.has_attachments),
        link=message.web_link if message.web_link.startswith(("https://", "http://")) else "",
        conversation=message.conversation_id,
    )


def _person(recipient: _Recipient) -> Person:
    return Person(recipient.email_address.name, recipient.email_address.address)
