"""Every error of ours, with the code and the HTTP status it is told with.

    GatehouseError
    ├── BadRequest             400   the request cannot be read
    │   ├── UnknownClient            an agent asks for access and we know nothing of it
    │   │   └── ClientUnreachable    what it says about itself cannot be read right now
    │   ├── BadRedirect              it wants people sent where it never said
    │   └── InvalidClientMetadata    it registers with something that we cannot accept
    │       └── InvalidRedirectUri
    ├── Unauthenticated        401   we do not know who asks
    ├── Forbidden              403   we know, and they may not
    ├── NotFound               404   not there, or not theirs: nobody can tell which
    ├── Conflict               409   it would break something that holds now
    │   └── PoolExhausted            every gateway domain is taken
    ├── PayloadTooLarge        413
    ├── HeadTooLarge           431   the request line and headers
    ├── Misdirected            421   no gateway and no portal under this host
    ├── Invalid                422   readable, but a field is wrong
    ├── TooManyRequests        429   wait, then ask again
    ├── Overloaded             503   more is coming in than can be served
    ├── DatabaseAway           503   our own database does not answer
    ├── OAuthError             400   a client of the authorization server must do otherwise; told in OAuth's own words
    └── SourceError                  a connected account did not do its part
        ├── SourceUnauthorized       ask its owner to reconnect
        ├── SourceUnavailable        skip it now, try later
        │   ├── SourceTimeout        it used up its budget
        │   ├── SourcePaused         it failed so often that it is not asked for a while
        │   └── EgressRefused        our own rules forbid what it would be reached by
        └── SourceRateLimited        wait

Leaves say what happened, branches what can be done about it. A message is written for the person who must act on
it, and never holds a secret, a vendor's raw reply or what the caller typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One wrong field of a request: where it stands and what to do about it."""

    field: str
    """Dotted path from the body's root: `config.url`."""
    message: str


class GatehouseError(Exception):
    """The root. `code` is stable and meant for programs, `message` for people."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(GatehouseError):
    code = "bad_request"
    status = 400
    title = "The request cannot be read"


class UnknownClient(BadRequest):
    """Told on a page for people, never by a redirect: there is no address that we could trust."""

    code = "unknown_client"
    title = "This agent is not known here"


class ClientUnreachable(UnknownClient):
    code = "client_unreachable"


class BadRedirect(BadRequest):
    """Told on a page for people, never by a redirect: it would go where the attacker wants."""

    code = "bad_redirect"
    title = "This agent asks to be answered at an address that is not its own"


class InvalidClientMetadata(BadRequest):
    """Code and status are those of RFC 7591, section 3.2.2."""

    code = "invalid_client_metadata"
    title = "The registration cannot be accepted"


class InvalidRedirectUri(InvalidClientMetadata):
    code = "invalid_redirect_uri"


class Unauthenticated(GatehouseError):
    code = "unauthenticated"
    status = 401
    title = "Sign in first"


class Forbidden(GatehouseError):
    code = "forbidden"
    status = 403
    title = "Not allowed"


class NotFound(GatehouseError):
    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(GatehouseError):
    code = "conflict"
    status = 409
    title = "Conflict"


class PoolExhausted(Conflict):
    code = "pool_exhausted"


class PayloadTooLarge(GatehouseError):
    code = "payload_too_large"
    status = 413
    title = "Too large"


class HeadTooLarge(GatehouseError):
    code = "head_too_large"
    status = 431
    title = "Too large"


class Misdirected(GatehouseError):
    code = "misdirected"
    status = 421
    title = "Nothing is served under this host"


class Invalid(GatehouseError):
    """Fields that cannot be accepted, each named."""

    code = "invalid"
    status = 422
    title = "Invalid"

    def __init__(self, message: str, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)

    @classmethod
    def field(cls, field: str, message: str) -> Invalid:
        """One wrong field; its message is the error's message as well."""
        return cls(message, [FieldProblem(field, message)])


class TooManyRequests(GatehouseError):
    code = "too_many_requests"
    status = 429
    title = "Too many requests"

    def __init__(self, message: str, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Overloaded(GatehouseError):
    code = "overloaded"
    status = 503
    title = "Too busy at the moment"

    def __init__(self, message: str, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DatabaseAway(GatehouseError):
    code = "database_away"
    status = 503
    title = "Out of service for a moment"
    retry_after: ClassVar[timedelta] = timedelta(seconds=2)

    def __init__(self) -> None:
        super().__init__("Our database does not answer at the moment. Try again in a few seconds.")


class OAuthError(GatehouseError):
    """What a client of the authorization server is refused with. `error` is the protocol's own word: those of RFC 6749,
    sections 4.1.2.1 and 5.2, and `invalid_target` of RFC 8707."""

    code = "oauth_refused"
    status = 400
    title = "This program cannot be let in"

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class SourceError(GatehouseError):
    """A connected account failed. As an HTTP reply it is a bad gateway."""

    code = "source_failed"
    status = 502
    title = "The source did not answer"

    def named(self, source: str) -> Self:
        """The same error, its message beginning with the source's name."""
        error = copy(self)
        if not self.message.startswith(source):
            error.message = f"{source}: {self.message}"
        return error


class SourceUnauthorized(SourceError):
    code = "source_unauthorized"


class SourceUnavailable(SourceError):
    code = "source_unavailable"


class SourceTimeout(SourceUnavailable):
    code = "source_timeout"
    status = 504


class SourcePaused(SourceUnavailable):
    code = "source_paused"
    status = 503

    def __init__(self, message: str, retry_after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EgressRefused(SourceUnavailable):
    """Says nothing about the source: it was never asked."""


class SourceRateLimited(SourceError):
    code = "source_rate_limited"

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
