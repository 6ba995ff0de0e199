"""Tokens: the portal's session JWT, and the random ones of which only a hash is kept. Nothing else imports jose.

python-jose accepts a token without the claims it is asked to check, and takes the algorithm from the header when none
is given. So everything is required here by name, the algorithm is one, and type and audience are compared once more.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from jose import JWTError, jwt  # noqa: TID251 - this is the one place

from errors import Unauthenticated

SESSION_LIFETIME: Final = timedelta(hours=12)
API_KEY_PREFIX: Final = "gh_"
ACCESS_PREFIX: Final = "gat_"
REFRESH_PREFIX: Final = "grt_"
CODE_PREFIX: Final = "gac_"

_ALGORITHM: Final = "HS256"
_AUDIENCE: Final = "portal"
_TYPE: Final = "session+jwt"
_RANDOM_BYTES: Final = 32
_MAXIMUM_LENGTH: Final = 4096
_OPTIONS: Final = {f"require_{claim}": True for claim in ("aud", "exp", "iat", "iss", "jti", "sub")} | {"leeway": 0}


@dataclass(frozen=True, slots=True)
class SessionClaims:
    user_id: UUID
    session_id: UUID


class SessionTokens:
    """Issues and reads the JWT of a portal session. That the session still lives is for the database to say."""

    def __init__(self, secret: str, issuer: str) -> None:
        self._secret = secret
        self._issuer = issuer

    def issue(self, claims: SessionClaims, now: datetime, expires_at: datetime) -> str:
        payload = {
            "iss": self._issuer,
            "aud": _AUDIENCE,
            "sub": str(claims.user_id),
            "jti": str(claims.session_id),
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        return jwt.encode(payload, self._secret, algorithm=_ALGORITHM, headers={"typ": _TYPE})

    def read(self, token: str) -> SessionClaims:
        """Raises Unauthenticated for everything but a whole, unexpired token of ours."""
        try:
            if len(token) > _MAXIMUM_LENGTH:
                raise JWTError("too long")
            header: dict[str, Any] = jwt.get_unverified_header(token)
            if set(header) != {"alg", "typ"} or header["typ"] != _TYPE or header["alg"] != _ALGORITHM:
                raise JWTError("not a session token")
            payload = jwt.decode(
                token, self._secret, algorithms=[_ALGORITHM], audience=_AUDIENCE, issuer=self._issuer, options=_OPTIONS
            )
            if payload["aud"] != _AUDIENCE:
                raise JWTError("for somebody else as well")
            return SessionClaims(user_id=UUID(payload["sub"]), session_id=UUID(payload["jti"]))
        except (JWTError, ValueError, AttributeError, UnicodeError) as error:
            raise Unauthenticated("This session is over. Sign in again.") from error


@dataclass(frozen=True, slots=True)
class RandomToken:
    """A secret that is shown once."""

    text: str
    hash: str


def new_token(prefix: str = "") -> RandomToken:
    """256 random bits behind the prefix."""
    text = prefix + secrets.token_urlsafe(_RANDOM_BYTES)
    return RandomToken(text, token_hash(text))


def token_hash(text: str) -> str:
    """What is stored of a random token, and what it is looked up by. Fast on purpose: the token cannot be guessed."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
