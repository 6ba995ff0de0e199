"""The text of what came with a message."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from errors import GatehouseError
from handlers.base import TextExtraction
from handlers.outlook.documents import one_line
from services.graph.mailbox import Mailbox
from services.graph.values import Attachment

MOST_READ: Final = 10
MOST_BYTES: Final = 20_000_000
"""Of one attachment."""
MOST_BYTES_IN_ALL: Final = 40_000_000
_TIME: Final = timedelta(seconds=10)
"""For all of them; a fetch may take 20 s."""


class AttachmentTexts:
    """Reads attachments one after the other, as far as size, number and time allow, and says what it did not read."""

    def __init__(self, mailbox: Mailbox, extraction: TextExtraction, *, time: timedelta = _TIME) -> None:
        self._mailbox = mailbox
        self._extraction = extraction
        self._time = time

    async def sections(self, message_id: str, attachments: Sequence[Attachment]) -> list[str]:
        """One section per attachment, headed by its name; never fails for what an attachment is or holds."""
        sections: list[str] = []
        left_bytes = MOST_BYTES_IN_ALL
        try:
            async with asyncio.timeout(self._time.total_seconds()):
                for attachment in attachments[:MOST_READ]:
                    why_not = _why_not(attachment, left_bytes)
                    if why_not:
                        sections.append(_note(attachment, why_not))
                        continue
                    left_bytes -= attachment.size_bytes
                    sections.append(await self._section(message_id, attachment))
        except TimeoutError:
            late = attachments[len(sections) : MOST_READ]
            sections += [_note(attachment, "not read, there was no time left") for attachment in late]
        surplus = attachments[MOST_READ:]
        sections += [_note(attachment, f"not read, only the first {MOST_READ} are") for attachment in surplus]
        return sections

    async def _section(self, message_id: str, attachment: Attachment) -> str:
        try:
            data = await self._mailbox.attachment_content(message_id, attachment.id, most_bytes=MOST_BYTES)
        except GatehouseError:
            return _note(attachment, "not read, Microsoft did not hand it out")
        name, content_type = _nature(attachment, data)
        extracted = await self._extraction.extract(data, name=name, content_type=content_type)
        return f"[Attachment: {one_line(attachment.name)}]\n{extracted.text.strip()}"


def _why_not(attachment: Attachment, left_bytes: int) -> str | None:
    """Why it is not even asked for, if so."""
    if attachment.kind == "reference":
        return "a link to a file kept elsewhere, not read"
    if attachment.size_bytes > MOST_BYTES:
        return f"not read, it is larger than {MOST_BYTES // 1_000_000} MB"
    if attachment.size_bytes > left_bytes:
        return f"not read, all together are larger than {MOST_BYTES_IN_ALL // 1_000_000} MB"
    return None


def _note(attachment: Attachment, why: str) -> str:
    return f"[Attachment: {one_line(attachment.name)}: {why}]"


def _nature(attachment: Attachment, data: bytes) -> tuple[str, str]:
    """The name and type by which the content can be read. Of an Outlook item Graph tells neither: its content is MIME,
    iCalendar or vCard text (Graph docs, "Get attachment")."""
    name = one_line(attachment.name)
    if attachment.kind == "file":
        return name, attachment.content_type
    if data.startswith(b"BEGIN:VCALENDAR"):
        return f"{name}.ics", "text/calendar"
    if data.startswith(b"BEGIN:VCARD"):
        return f"{name}.vcf", "text/vcard"
    return f"{name}.eml", "message/rfc822"
