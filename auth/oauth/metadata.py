"""What a client says about itself, whether it registers (RFC 7591) or publishes a document at its id.

Parsed here and not by the models of the MCP SDK: those keep addresses in normalised form, where ours are compared as
they were written, and one optional field that they do not like would cost the whole message.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from auth.oauth.redirects import require_safe
from errors import InvalidClientMetadata, InvalidRedirectUri
from schemas.fields import explain

NO_SECRET: Final = "none"  # noqa: S105 - the name of a method in RFC 7591, section 2
LONGEST_NAME: Final = 200
UNNAMED: Final = "Unnamed agent"

_MOST_REDIRECTS: Final = 10
_LONGEST_ADDRESS: Final = 500
# Letters and symbols that show nothing: Hangul fillers and the blank braille pattern.
_BLANKS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")


class ClientMetadata(BaseModel):
    """The fields that we look at; others are ignored (RFC 7591, section 2). An explicit null is an absent field."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    client_id: str | None = None
    client_name: str | None = None
    client_uri: str | None = None
    redirect_uris: tuple[str, ...] = Field(min_length=1, max_length=_MOST_REDIRECTS)
    token_endpoint_auth_method: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    grant_types: tuple[str, ...] | None = None
    response_types: tuple[str, ...] | None = None
    application_type: str | None = None
    client_secret: JsonValue = None
    client_secret_expires_at: JsonValue = None
    jwks: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A client as we keep it: everything checked, the name fit to be shown."""

    name: str
    redirect_uris: tuple[str, ...]
    auth_method: str
    details: Mapping[str, str] = field(default_factory=dict)
    """What is shown and never trusted: `client_uri`, `application_type`."""


def parse_metadata(message: bytes | Mapping[str, JsonValue]) -> ClientMetadata:
    """Raises InvalidClientMetadata, and InvalidRedirectUri where the addresses are to blame."""
    try:
        if isinstance(message, bytes):
            metadata = ClientMetadata.model_validate_json(message)
        else:
            metadata = ClientMetadata.model_validate(message)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        kind = InvalidRedirectUri if first["loc"][:1] == ("redirect_uris",) else InvalidClientMetadata
        raise kind(explain(error)) from None  # pydantic's own text quotes the message
    for uri in metadata.redirect_uris:
        require_safe(uri)
    _require_code_flow(metadata)
    return metadata


def describe(metadata: ClientMetadata, auth_method: str, *, unnamed: str = "") -> Description:
    """`unnamed` is what a client without a name of its own is called."""
    return Description(
        name=clean_name(metadata.client_name or "") or unnamed,
        redirect_uris=tuple(dict.fromkeys(metadata.redirect_uris)),
        auth_method=auth_method,
        details=_details(metadata),
    )


def clean_name(text: str) -> str:
    """The name as it can be shown: on one line, without characters that are not seen or that turn the text around, and
    cut. Markup stays what it is, a text; the page escapes it."""
    seen = "".join(" " if character.isspace() else character for character in text if not _is_hidden(character))
    name = " ".join(seen.split())
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"


def _is_hidden(character: str) -> bool:
    if character.isspace():
        return False
    # Control, format (directions, zero widths, tags), surrogate, private use, unassigned.
    return unicodedata.category(character).startswith("C") or character in _BLANKS


def _require_code_flow(metadata: ClientMetadata) -> None:
    if metadata.grant_types and "authorization_code" not in metadata.grant_types:
        raise InvalidClientMetadata("grant_types must contain authorization_code.")
    if metadata.response_types and "code" not in metadata.response_types:
        raise InvalidClientMetadata("response_types must contain code.")


def _details(metadata: ClientMetadata) -> Mapping[str, str]:
    details = {}
    if metadata.client_uri and _is_web_address(metadata.client_uri):
        details["client_uri"] = metadata.client_uri
    if metadata.application_type in ("native", "web"):
        details["application_type"] = metadata.application_type
    return details


def _is_web_address(text: str) -> bool:
    """Whether it can stand in a link."""
    try:
        require_safe(text)
    except InvalidRedirectUri:
        return False
    return text.startswith("https:") and len(text) <= _LONGEST_ADDRESS
