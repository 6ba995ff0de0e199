"""E-mails as files (.eml), by the standard library: headers, body, the names of the attachments, and mails attached."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.errors import MessageError
from email.message import EmailMessage

from services.text.charsets import decode
from services.text.extracted import File, Note, Piece
from services.text.markdown import heading, item, one_line, paragraph
from services.text.web import render

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_DEEPEST = 1
"""A mail inside the mail is read; one inside that is only named."""


def read(file: File) -> Iterator[Piece]:
    message = email.message_from_bytes(file.data, policy=email.policy.default)
    yield from _mail(message, depth=0)


def _mail(message: EmailMessage, *, depth: int) -> Iterator[Piece]:
    for name in _HEADERS:
        value = _header(message, name)
        if value:
            yield f"{name}: {value}\n"
    yield "\n"
    yield from _body(message)
    attached = list(message.iter_attachments())
    if attached:
        yield "\n\nAttachments:\n"
        yield from (item(_described(part)) for part in attached)
    for part in attached:
        if part.get_content_type() == "message/rfc822":
            yield from _nested(part, depth=depth)


def _header(message: EmailMessage, name: str) -> str:
    """The decoded value. The standard library's parser fails on some malformed headers: those come as they are."""
    try:
        return one_line(str(message[name] or ""))
    except (MessageError, ValueError, LookupError, AttributeError, TypeError, RecursionError):
        raw = (value for key, value in message.raw_items() if key.lower() == name.lower())
        return one_line(str(next(raw, "")))


def _body(message: EmailMessage) -> Iterator[Piece]:
    for kind in ("plain", "html"):
        part = message.get_body(preferencelist=(kind,))
        if not isinstance(part, EmailMessage):
            continue
        text = _text(part)
        if not text.strip():
            continue
        if kind == "html":
            yield from render(text)
        else:
            yield paragraph(text)
        return


def _text(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    return decode(payload, part.get_content_charset()) if isinstance(payload, bytes) else ""


def _described(part: EmailMessage) -> str:
    kind = part.get_content_type()
    name = part.get_filename() or ("an e-mail" if kind == "message/rfc822" else "without a name")
    return f"{one_line(name)} ({kind})"


def _nested(part: EmailMessage, *, depth: int) -> Iterator[Piece]:
    payload = part.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    if not isinstance(inner, EmailMessage):
        return
    if depth >= _DEEPEST:
        yield Note("an e-mail inside the attached e-mail was not read.")
        return
    yield heading("Attached e-mail", 2)
    yield from _mail(inner, depth=depth + 1)
