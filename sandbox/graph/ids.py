"""Ids as Exchange gives them out: long, opaque, case-sensitive, and of two kinds.

An ordinary id changes when a message is moved; an immutable one does not ("Obtain immutable identifiers for Outlook
resources", Microsoft Graph docs). Both are derived from our own names, so that another process gives out the same.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from typing import Final, Literal

IdType = Literal["restId", "restImmutableEntryId"]

_FORM: Final = re.compile(r"AA(?:Mk|kA)[A-Za-z0-9_-]{40,}=*")
_PREFIX: Final[dict[IdType, str]] = {"restId": "AAMkADg3", "restImmutableEntryId": "AAkALgAA"}
_DIGEST_BYTES: Final = 64


def message_id(kind: IdType, mailbox: str, folder: str, name: str) -> str:
    """The id of this kind, 96 characters long."""
    place = f"{mailbox}/{folder}/{name}" if kind == "restId" else f"{mailbox}/{name}"
    return _PREFIX[kind] + _digest(place) + "AA="


def folder_id(mailbox: str, folder: str) -> str:
    return _PREFIX["restId"] + _digest(f"{mailbox}/{folder}") + "AAA="


def attachment_id(message: str, number: int) -> str:
    """Begins like the id of its message, so the two kinds differ here too."""
    return message.rstrip("=") + "BEgAQA" + _digest(f"{message}/{number}")[:22] + "="


def is_well_formed(id: str) -> bool:
    """Whether Exchange could have given it out."""
    return _FORM.fullmatch(id) is not None


def _digest(text: str) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")[:85]
