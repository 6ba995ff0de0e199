"""What goes wrong with databases, as sentences for the owner of the source. None of them quotes what a driver said."""

from __future__ import annotations

import ssl
from typing import Final

from errors import SourceTimeout, SourceUnavailable

REFUSED: Final = "The database refused the user or the password. Correct them under Sources."
NO_DATABASE: Final = "The server has no database of this name. Correct the database URL under Sources."
FORBIDDEN: Final = "The database user may not read what is configured. Grant SELECT on it, or correct the settings."
UNKNOWN_NAME: Final = (
    "The database does not know a table, column or function that is named in the settings. Correct them under Sources."
)
BAD_SQL: Final = (
    "The SQL of this query is not one SELECT statement that the database understands, with a name of its own for "
    "every column."
)
BAD_VALUE: Final = "The database cannot work with these values."
CONSTRAINT: Final = "The database refused the new row: one of its rules would be broken."
WRITES: Final = "This would change data, and only reading is allowed here."
TOO_SLOW: Final = "The database stopped the statement because it took too long."
LOCKED: Final = "Somebody else holds a lock in this database. Try again in a moment."
FULL: Final = "The database server takes no more connections. Try again in a moment."
LOST: Final = "The connection to the database was lost. Try again in a moment."
OUT_OF_ORDER: Final = "The database server has trouble of its own. Try again later; its log says more."
FAILED_INSIDE: Final = (
    "A function, view or foreign table in the database failed. The server's log says why: mend it there, or correct "
    "the settings."
)
UNREACHABLE: Final = (
    "The database did not answer at its host and port. Check both, and whether a firewall is in the way; "
    "a server that does not encrypt needs ?sslmode=disable in the URL."
)
UNTRUSTED: Final = (
    "The database server's certificate could not be verified for its host name. Mend it, or write ?sslmode=require "
    "into the URL to encrypt without verifying; on the public internet the operator must list the database for that."
)


def explain_network(error: BaseException) -> SourceUnavailable | None:
    """What an error on the way to a server means, if it is one."""
    if isinstance(error, ssl.SSLError):
        return SourceUnavailable(UNTRUSTED)
    if isinstance(error, TimeoutError):
        return SourceTimeout("The database did not answer in time.")
    if isinstance(error, OSError):
        return SourceUnavailable(UNREACHABLE)
    return None
