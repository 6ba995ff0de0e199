"""One mailbox, ready to answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from errors import NotFound
from handlers.base import Clock, Document, Hit, SearchQuery, TextExtraction
from handlers.outlook.attachments import AttachmentTexts
from handlers.outlook.documents import one_line, to_document, to_hit
from handlers.outlook.searching import find_messages
from services.graph.mailbox import Mailbox
from services.graph.refusals import NO_SUCH_MESSAGE

# Base64 for URLs. A single small word would be a function of OData in that place, such as messages/delta.
_ID: Final = re.compile(r"(?![a-z]+\Z)[A-Za-z0-9_=-]{1,1024}")


class OutlookSource:
    """A mailbox that was connected with an app's permission; see `handlers.base.Source`."""

    def __init__(self, mailbox: Mailbox, *, user: str, extraction: TextExtraction, clock: Clock) -> None:
        self._mailbox = mailbox
        self._user = user
        self._attachments = AttachmentTexts(mailbox, extraction)
        self._clock = clock

    async def check(self) -> str:
        """Whose mailbox it is. One request that needs the sign-in, the permission and the mailbox."""
        return await self._name()

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        """See searching.py and planning.py."""
        messages = await find_messages(self._mailbox, query.text, self._clock)
        return [to_hit(message) for message in messages[: query.limit]]

    async def fetch(self, id: str) -> Document:
        """A message with its body and the text of its attachments, pictures inside the body excepted."""
        if not _ID.fullmatch(id):
            raise NotFound(NO_SUCH_MESSAGE)
        message = await self._mailbox.message(id)
        attachments = await self._mailbox.attachments(id) if message.has_attachments else ()
        outside = [attachment for attachment in attachments if not attachment.is_inline]
        return to_document(id, message, outside, await self._attachments.sections(id, outside))

    async def aclose(self) -> None:
        """Close the connections and forget the token."""
        await self._mailbox.aclose()

    async def _name(self) -> str:
        """The owner's name and address, if one of the newest messages went to the address that we know; Mail.Read does
        not let us ask the directory."""
        page = await self._mailbox.newest(top=10)
        for message in page.messages:
            for person in message.to:
                if person.address.lower() == self._user.lower():
                    return one_line(str(person))[:300]
        return self._user
