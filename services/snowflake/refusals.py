"""What a reply that is not a success means, in words for the owner of the source.

Snowflake's codes are documented in places only: 3903xx and 390505 in the SQL API's reference, 390201 and 390422 in the
messages of its drivers, the six-digit SQL codes in the messages of the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from errors import SourceError, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable


class NotGranted(SourceUnauthorized):
    """The token is good, but something that a request names is missing, or hidden from the token's role."""


class StatementRejected(SourceError):
    """The request was read, but what it asks for cannot be done: SQL that does not compile, and the like."""


NOT_LET_IN: Final = (
    "Snowflake refused the access token: it is wrong, expired or revoked. "
    "Create a new programmatic access token and enter it under Sources."
)
NETWORK: Final = (
    "A network policy of Snowflake keeps this gateway out. Add the gateway's outgoing address to the policy of the "
    "token's user, then check the source again."
)
NO_NETWORK_POLICY: Final = (
    "Snowflake takes a programmatic access token only from a user with a network policy. Create one that lets this "
    "gateway's outgoing address in, and set it for the token's user."
)
ROLE: Final = (
    "Snowflake does not let this token use the role. Grant the role to the token's user, and create the token with "
    "ROLE_RESTRICTION set to it."
)
FORBIDDEN: Final = (
    "Snowflake forbids this token what was asked. Check the grants of its role, and whether the account may use this "
    "interface."
)
OBJECT: Final = (
    "Snowflake finds no such database, schema, table or view, or the role may not see it. Check the names in the "
    "settings, and grant the role USAGE on database and schema and SELECT on the table."
)
COLUMN: Final = "Snowflake finds no such column. Check the names of the columns in the settings."
PRIVILEGES: Final = "The role lacks a privilege. Grant it USAGE on database and schema, and SELECT on what is read."
WAREHOUSE: Final = (
    "The warehouse does not exist, cannot be started, or the role may not use it. Check its name in the settings, and "
    "grant the role USAGE on it."
)
CONTEXT: Final = (
    "Snowflake finds no such warehouse, database or schema, or the role may not use it. Check the names in the "
    "settings, and grant the role USAGE on each."
)
QUOTA: Final = "A resource monitor of Snowflake has stopped the warehouse. Its owner must raise the quota or wait."
SUSPENDED: Final = "The Snowflake account is suspended. Its administrator must settle that with Snowflake."
TOO_SLOW: Final = "Snowflake did not finish the statement in time."
NO_ACCOUNT: Final = "No Snowflake account answers at this account URL. Check it for a typing error."
NOT_FOUND: Final = "Snowflake finds nothing under this name, or the role may not see it. Check the settings."
REJECTED: Final = "Snowflake rejected the request."
RATE_LIMITED: Final = "Snowflake has had too many requests from this account. Try again later."
BROKEN: Final = "Snowflake is having trouble. Try again later."
UNREACHABLE: Final = "Snowflake cannot be reached. Check the account URL for a typing error."
STRANGE: Final = "The answer is not one of Snowflake's interfaces. Check the account URL."

_MEANINGS: Final[Mapping[str, tuple[type[SourceError], str]]] = MappingProxyType(
    {
        "390420": (SourceUnauthorized, NETWORK),
        "390422": (SourceUnauthorized, NETWORK),
        "390432": (SourceUnauthorized, NO_NETWORK_POLICY),
        "390186": (SourceUnauthorized, ROLE),
        "390189": (SourceUnauthorized, ROLE),
        "390317": (SourceUnauthorized, ROLE),
        "390201": (NotGranted, CONTEXT),
        "002003": (NotGranted, OBJECT),
        "002043": (NotGranted, OBJECT),
        "000904": (NotGranted, COLUMN),
        "003001": (NotGranted, PRIVILEGES),
        "000606": (NotGranted, WAREHOUSE),
        "000608": (NotGranted, WAREHOUSE),
        "090073": (SourceUnavailable, QUOTA),
        "000666": (SourceUnauthorized, SUSPENDED),
        "000604": (SourceTimeout, TOO_SLOW),
        "000630": (SourceTimeout, TOO_SLOW),
    }
)
_AUTHENTICATION: Final = ("3901", "3903", "3944")
"""The families of codes about tokens: 390101, 390144, 390303, 390318, 394400."""
_PAYLOAD: Final = "390142"
""""Incoming request does not contain a valid payload": told with 400, and in the midst of the token's family."""


def refusal(
    status: int,
    code: str | None,
    *,
    is_snowflake: bool,
    missing: str = NOT_FOUND,
    rejected: str = REJECTED,
    retry_after: timedelta | None = None,
) -> SourceError:
    """Our error for a reply of 300 and above.

    `is_snowflake`: whether the body was JSON, as an interface of Snowflake's sends and a web page does not. `missing`
    and `rejected` are told for 404, and for 400 and 422 with an unknown code.
    """
    if code is not None and code in _MEANINGS:
        kind, message = _MEANINGS[code]
        return kind(message)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or _is_about_token(code):
        is_token = status == HTTPStatus.UNAUTHORIZED or _is_about_token(code)
        return SourceUnauthorized(NOT_LET_IN if is_token else FORBIDDEN)
    if status == HTTPStatus.NOT_FOUND:
        return NotGranted(missing) if is_snowflake else SourceUnauthorized(NO_ACCOUNT)
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return SourceTimeout(TOO_SLOW)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return SourceRateLimited(RATE_LIMITED, retry_after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SourceUnavailable(BROKEN)
    return StatementRejected(rejected) if is_snowflake else SourceUnavailable(STRANGE)


def _is_about_token(code: str | None) -> bool:
    return code is not None and code.startswith(_AUTHENTICATION) and code != _PAYLOAD
