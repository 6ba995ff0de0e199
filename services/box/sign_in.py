"""Signing in as an app: Box's client credentials grant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from errors import SourceUnavailable
from services.box.refusals import token_refusal
from services.box.replies import Reply
from services.tokens import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxApp:
    """An app, what it signs in with, and whom it acts as."""

    client_id: str
    client_secret: SecretStr
    subject_type: Literal["enterprise", "user"]
    subject_id: str

    def form(self) -> dict[str, str]:
        """What the token endpoint wants to know (Box docs, "Client credentials grant"). It holds the secret."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret.get_secret_value(),
            "box_subject_type": self.subject_type,
            "box_subject_id": self.subject_id,
        }


class _Granted(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: Annotated[str, Field(min_length=1, pattern=r"^[\x21-\x7e]+$")]
    expires_in: Annotated[int, Field(gt=0)]


def read_token(reply: Reply) -> Token:
    """The token that was granted. Raises SourceUnauthorized with what the owner can do, or another SourceError."""
    if not reply.ok:
        raise token_refusal(reply)
    try:
        granted = _Granted.model_validate_json(reply.content)
    except ValidationError as error:
        raise SourceUnavailable("Box answered the sign-in with something that is no token.") from error
    return Token(granted.access_token, timedelta(seconds=granted.expires_in))
