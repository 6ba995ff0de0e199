"""Accounts, sessions and invitations on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, StringConstraints

from schemas.fields import Message, Name, Reply

MINIMUM_PASSWORD = 12
MAXIMUM_PASSWORD = 1_024


def _well_formed(email: str) -> str:
    """Its form is checked, not that mail arrives: no mail is sent. Names like ann@intranet are fine for that reason."""
    try:
        return validate_email(email, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError:
        raise ValueError("This is not an e-mail address") from None


def spelled_as_stored(email: str) -> str:
    """The address in the one spelling that accounts have (`ann@xn--bcher-kva.example` is `ann@bücher.example`), or what
    came if it is no address."""
    try:
        return _well_formed(email)
    except ValueError:
        return email


Email = Annotated[
    str,
    StringConstraints(min_length=3, max_length=254),  # RFC 5321, erratum 1690
    AfterValidator(_well_formed),
    Field(json_schema_extra={"format": "email"}),
]
NewPassword = Annotated[
    str,
    StringConstraints(min_length=MINIMUM_PASSWORD, max_length=MAXIMUM_PASSWORD, strip_whitespace=False),
    Field(
        description="At least 12 characters; spaces and every script are fine.",
        json_schema_extra={"format": "password"},
    ),
]
GivenPassword = Annotated[
    str,
    StringConstraints(max_length=MAXIMUM_PASSWORD, strip_whitespace=False),
    Field(json_schema_extra={"format": "password"}),
]


class SignUp(Message):
    email: Email
    password: NewPassword
    name: Name
    invitation: str | None = Field(
        default=None, max_length=100, description="The token of an invitation link: the operator's, or one to a server."
    )


class SignIn(Message):
    email: str = Field(max_length=320)
    password: GivenPassword


class User(Reply):
    id: UUID
    email: str
    name: str
    is_operator: bool = Field(description="Whether this account runs the installation; the first one does.")
    created_at: datetime


class SignedIn(Reply):
    access_token: str = Field(description="Send it as `Authorization: Bearer ...`; browsers also got it as a cookie.")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the kind of token, no password
    expires_in: int = Field(description="Seconds.")
    user: User


class Rename(Message):
    name: Name


class ChangePassword(Message):
    current: GivenPassword
    new: NewPassword


class ChangeEmail(Message):
    password: GivenPassword
    email: Email


class ResetPassword(Message):
    token: str = Field(max_length=100, description="From the one-time link.")
    password: NewPassword


class Session(Reply):
    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str
    current: bool = Field(description="Whether this request uses it.")


class Invitation(Reply):
    id: UUID
    created_at: datetime
    expires_at: datetime


class NewInvitation(Invitation):
    url: str = Field(description="The link to hand on; it is shown once and works once.")
    token: str
