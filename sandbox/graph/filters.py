"""$filter and $orderby on a list of messages, as far as somebody who reads mail needs them.

`receivedDateTime` and `sentDateTime` compared, `isRead` and `hasAttachments` with `eq`, the ids of a conversation and a
message with `eq`, joined by `and`. Sorting is by one of the two dates, and a filter must then begin with it: otherwise
Graph says InefficientFilter ("List messages", Graph docs).
"""

from __future__ import annotations

import operator
import re
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sandbox.documents.mime import message_id
from sandbox.graph.errors import bad_request
from sandbox.world import Mail

_TERM: Final = re.compile(r"([A-Za-z]+)\s+(eq|ne|gt|ge|lt|le)\s+('(?:[^']|'')*'|\S+)")
_DATES: Final = frozenset({"receivedDateTime", "sentDateTime"})
_COMPARE: Final[dict[str, Callable[[datetime, datetime], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_VALUES: Final[dict[str, Callable[[Mail], str]]] = {
    "isRead": lambda mail: str(mail.is_read).lower(),
    "hasAttachments": lambda mail: str(bool(mail.attachments)).lower(),
    "conversationId": lambda mail: b64encode(mail.conversation.encode()).decode(),
    "internetMessageId": message_id,
}


def parse_filter(option: str | None) -> Callable[[Mail], bool]:
    """What to keep; everything without an option. Refuses what it cannot read."""
    if not option:
        return lambda _mail: True
    terms = [_parse_term(part) for part in re.split(r"\s+and\s+", option.strip())]
    return lambda mail: all(term(mail) for term in terms)


def parse_order(option: str | None, filter_option: str | None) -> bool:
    """Whether the newest come first. Refuses other orders, and a filter that does not begin with what is sorted by."""
    if not option:
        return True
    name, _, direction = option.strip().partition(" ")
    if name not in _DATES or direction.strip() not in {"", "asc", "desc"}:
        raise bad_request("The property is not supported in $orderby.", "ErrorInvalidUrlQuery")
    if filter_option and not filter_option.strip().startswith(name):
        text = "The restriction or sort order is too complex for this operation."
        raise bad_request(text, "InefficientFilter")
    return direction.strip() == "desc"


def _parse_term(text: str) -> Callable[[Mail], bool]:
    found = _TERM.fullmatch(text.strip())
    if found is None:
        raise bad_request(f"Invalid filter clause: '{text}'.", "ErrorInvalidUrlQueryFilter")
    name, compare, value = found.groups()
    if name in _DATES:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise bad_request(f"Invalid filter clause: '{text}'.", "ErrorInvalidUrlQueryFilter") from error
        return lambda mail: _COMPARE[compare](mail.sent_at, moment)
    if name not in _VALUES or compare != "eq":
        raise bad_request(f"Invalid filter clause: '{text}'.", "ErrorInvalidUrlQueryFilter")
    wanted = value.strip("'").replace("''", "'")
    return lambda mail: _VALUES[name](mail) == wanted
