"""Cursors of resources: where the next page begins, in a form that says nothing to a reader."""

from __future__ import annotations

import base64
import binascii
import re

from errors import Invalid

LONGEST = 4_000


def seal_cursor(path: str, last: str) -> str:
    """The cursor of the page behind the row `last` of this resource."""
    return base64.urlsafe_b64encode(f"{path}\n{last}".encode()).decode("ascii").rstrip("=")


def open_cursor(path: str, cursor: str, *, form: re.Pattern[str] | None = None) -> str:
    """The row that the cursor stands behind. Raises Invalid for one that is not of this resource."""
    if len(cursor) <= LONGEST:
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            owner, found, last = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition("\n")
        except (UnicodeError, binascii.Error):
            owner, found, last = "", "", ""
        if found and owner == path and "\0" not in last and (form is None or form.fullmatch(last)):
            return last
    raise Invalid.field("cursor", "This is no cursor of this resource. Begin without one.")
