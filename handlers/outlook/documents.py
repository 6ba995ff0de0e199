"""Messages as hits and documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from handlers.base import Document, Hit
from services.graph.values import Attachment, Message, Person

_MOST_HIT_TEXT: Final = 20_000
_MOST_BODY: Final = 200_000
"""Characters; the gateway cuts again, and says so, at what agents can take."""
_MOST_PEOPLE: Final = 30


def to_hit(message: Message) -> Hit:
    """A message as search tells it: with its text, so that it can be ranked by what it says."""
    return Hit(
        id=message.id,
        title=_title(message),
        url=message.link,
        text=(message.body or message.preview)[:_MOST_HIT_TEXT].strip() or None,
        updated_at=message.received_at,
        facts=MappingProxyType(
            _known(
                {
                    "from": _people([message.sender] if message.sender else []),
                    "to": _people(message.to),
                    "received_at": _moment(message.received_at),
                    "has_attachments": "yes" if message.has_attachments else "no",
                }
            )
        ),
    )


def to_document(id: str, message: Message, attachments: Sequence[Attachment], sections: Sequence[str]) -> Document:
    """A message as fetch tells it: who wrote it to whom and when, what it says, and what its attachments say."""
    headers = _known(
        {
            "from": _people([message.sender] if message.sender else []),
            "to": _people(message.to),
            "cc": _people(message.cc),
            "received_at": _moment(message.received_at),
        }
    )
    body = message.body.strip()
    if len(body) > _MOST_BODY:
        body = f"{body[:_MOST_BODY]}\n[The message is longer: the rest was left out.]"
    names = {"from": "From", "to": "To", "cc": "Cc", "received_at": "Received"}
    head = "\n".join([*(f"{names[name]}: {value}" for name, value in headers.items()), f"Subject: {_title(message)}"])
    return Document(
        id=id,
        title=_title(message),
        url=message.link,
        text="\n\n".join(part for part in (head, body, *sections) if part),
        metadata=MappingProxyType(
            _known(
                {
                    **headers,
                    "conversation": message.conversation,
                    "attachments": "; ".join(one_line(attachment.name) for attachment in attachments),
                }
            )
        ),
    )


def one_line(text: str) -> str:
    """Without line breaks, which would let a name or a subject pass for more than that."""
    return " ".join(text.split())


def _title(message: Message) -> str:
    return one_line(message.subject) or "(no subject)"


def _people(people: Sequence[Person]) -> str:
    shown = "; ".join(one_line(str(person)) for person in people[:_MOST_PEOPLE])
    more = len(people) - _MOST_PEOPLE
    return f"{shown}; and {more} more" if more > 0 else shown


def _moment(moment: datetime | None) -> str:
    return moment.isoformat().replace("+00:00", "Z") if moment else ""


def _known(facts: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value}
