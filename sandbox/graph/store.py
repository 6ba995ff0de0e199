"""Mailboxes with their messages, found by the ids that Graph gives out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sandbox.behaviour import Clock
from sandbox.graph.errors import refusal
from sandbox.graph.ids import IdType, is_well_formed, message_id
from sandbox.graph.mail_index import MailIndex
from sandbox.graph.messages import Preferences, View
from sandbox.world import Mail, Mailbox, World


@dataclass(frozen=True)
class OpenMailbox:
    """One user's messages. Indexed when first searched."""

    mailbox: Mailbox
    mails: Sequence[Mail]
    clock: Clock

    @cached_property
    def index(self) -> MailIndex:
        return MailIndex(self.mails, self.clock)

    @cached_property
    def _by_id(self) -> dict[str, tuple[IdType, Mail]]:
        kinds: tuple[IdType, IdType] = ("restId", "restImmutableEntryId")
        return {self.id_of(mail, kind): (kind, mail) for mail in self.mails for kind in kinds}

    def id_of(self, mail: Mail, kind: IdType) -> str:
        return message_id(kind, self.mailbox.id, mail.folder, mail.id)

    def view(self, mail: Mail, preferences: Preferences) -> View:
        """The message as a request with these preferences sees it."""
        return View(
            mail=mail,
            mailbox=self.mailbox,
            id=self.id_of(mail, preferences.id_type),
            preferences=preferences,
        )

    def find(self, id: str, kind: IdType) -> Mail | None:
        """The message with this id. An immutable one is only understood where the request prefers them."""
        found_kind, mail = self._by_id.get(id, (None, None))
        return None if found_kind == "restImmutableEntryId" and kind == "restId" else mail

    def get(self, id: str, kind: IdType) -> Mail:
        """Refuses ids that Exchange did not give out."""
        if not is_well_formed(id):
            raise refusal(400, "ErrorInvalidIdMalformed", "Id is malformed.")
        mail = self.find(id, kind)
        if mail is None:
            raise refusal(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return mail

    def translated(self, id: str, source: IdType, target: IdType) -> str | None:
        """The same message's other id; None if there is none with this one."""
        found_kind, mail = self._by_id.get(id, (None, None))
        return self.id_of(mail, target) if mail is not None and found_kind == source else None

    def folders(self) -> list[str]:
        return sorted({mail.folder for mail in self.mails} | {"Inbox", "Sent Items"})


class MailStore:
    """All mailboxes of the tenant."""

    def __init__(self, world: World, clock: Clock) -> None:
        mails: dict[str, list[Mail]] = defaultdict(list)
        for mail in world.mails:
            mails[mail.mailbox.lower()].append(mail)
        self._open: dict[str, OpenMailbox] = {}
        for mailbox in world.mailboxes:
            address = mailbox.owner.address.lower()
            self._open[address] = self._open[mailbox.id] = OpenMailbox(mailbox, tuple(mails[address]), clock)

    def open(self, user: str) -> OpenMailbox:
        """The mailbox of a user, named by id or address. Refuses one that is not there, or not ours to read."""
        found = self._open.get(user.lower())
        if found is None:
            raise refusal(404, "ErrorInvalidUser", f"The requested user '{user}' is invalid.")
        if not found.mailbox.licensed:
            text = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
            raise refusal(404, "MailboxNotEnabledForRESTAPI", text)
        if not found.mailbox.in_scope:
            raise refusal(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        return found
