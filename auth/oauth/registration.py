"""Dynamic client registration (RFC 7591): what a client sends becomes a client of ours, or a refusal."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from auth.oauth.metadata import NO_SECRET, UNNAMED, ClientMetadata, Description, describe, parse_metadata
from auth.tokens import RandomToken, new_token
from errors import InvalidClientMetadata

LARGEST_BYTES: Final = 16 * 1024

_BASIC: Final = "client_secret_basic"
_METHODS: Final = (NO_SECRET, _BASIC, "client_secret_post")
_ID_BYTES: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A client that is about to be kept. The secret is shown once."""

    client_id: str
    description: Description
    secret: RandomToken | None

    def response(self, issued_at: datetime) -> Mapping[str, JsonValue]:
        """The client information response (section 3.2.1): what holds now, also where something else was asked for."""
        shown: dict[str, JsonValue] = {
            "client_id": self.client_id,
            "client_id_issued_at": int(issued_at.timestamp()),
            "client_name": self.description.name,
            "redirect_uris": list(self.description.redirect_uris),
            "token_endpoint_auth_method": self.description.auth_method,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            **self.description.details,
        }
        if self.secret is not None:
            shown |= {"client_secret": self.secret.text, "client_secret_expires_at": 0}  # 0: never
        return shown


def read_registration(message: bytes | Mapping[str, JsonValue]) -> Registration:
    """Raises InvalidClientMetadata or InvalidRedirectUri."""
    if isinstance(message, bytes) and len(message) > LARGEST_BYTES:
        raise InvalidClientMetadata(f"A registration may have up to {LARGEST_BYTES} bytes.")
    metadata = parse_metadata(message)
    description = describe(metadata, _auth_method(metadata), unnamed=UNNAMED)
    return Registration(
        client_id=secrets.token_urlsafe(_ID_BYTES),
        description=description,
        secret=None if description.auth_method == NO_SECRET else new_token(),
    )


def _auth_method(metadata: ClientMetadata) -> str:
    """What it asks for if we have it, else what it says it can do with instead; RFC 7591 names the default."""
    asked = metadata.token_endpoint_auth_method or _BASIC
    for method in (asked, *(metadata.token_endpoint_auth_methods_supported or ())):
        if method in _METHODS:
            return method
    raise InvalidClientMetadata(f"token_endpoint_auth_method must be one of {', '.join(_METHODS)}.")
