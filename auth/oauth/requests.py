"""What a client asks for at the authorization endpoint, checked, and carried through sign-in and consent."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from auth.agents import READ, WRITE
from auth.oauth.clients import Client
from auth.oauth.redirects import redirect_for
from auth.oauth.resources import gateway_of
from auth.signatures import Signatures
from errors import BadRequest, OAuthError

OFFLINE: Final = "offline_access"
SCOPES: Final = (READ, WRITE, OFFLINE)
"""All there are. offline_access changes nothing: every grant can be refreshed."""

LIFETIME: Final = timedelta(minutes=10)
"""How long a person may take to sign in and decide."""

_PURPOSE: Final = "authorization request"
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""Base64url of a SHA-256, without padding."""
_LONGEST_STATE: Final = 2_000
_LONGEST_SEALED: Final = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A request that may be put before a person."""

    client_id: str
    redirect_uri: str
    """Where the reply goes: the client's own."""
    redirect_uri_given: bool
    """Whether the request named it."""
    state: str | None
    scopes: tuple[str, ...]
    challenge: str
    gateway: str | None
    """Base URL of the gateway that is meant; None: the client did not say."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Parameters:
    """The query, each parameter with its first value, and the names that came more than once."""

    values: dict[str, str]
    repeated: frozenset[str]

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]]) -> Parameters:
        """An empty value is as good as none (RFC 6749, section 3.1)."""
        values: dict[str, str] = {}
        repeated = set()
        for name, value in pairs:
            if name in values:
                repeated.add(name)
            values.setdefault(name, value)
        return cls({name: value for name, value in values.items() if value}, frozenset(repeated))

    def get(self, name: str) -> str | None:
        return self.values.get(name)


def redirect_of(parameters: Parameters, client: Client) -> str:
    """Where errors of this request may be told. Raises BadRequest or BadRedirect where nobody may be sent anywhere."""
    if parameters.repeated & {"client_id", "redirect_uri"}:
        raise BadRequest("The agent's request names itself or its address twice. Start again from the agent.")
    return redirect_for(client, parameters.get("redirect_uri"))


def checked(parameters: Parameters, client: Client, redirect_uri: str, now: datetime) -> AuthorizationRequest:
    """Raises OAuthError, which may be told to the client."""
    if parameters.repeated:
        raise OAuthError("invalid_request", "No parameter may be given twice.")
    if parameters.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "Only response_type=code is supported.")
    if parameters.get("response_mode") not in (None, "query"):
        raise OAuthError("invalid_request", "Only response_mode=query is supported.")
    if parameters.get("request") is not None or parameters.get("request_uri") is not None:
        raise OAuthError("request_not_supported", "Send the parameters themselves; request objects are not supported.")
    if len(parameters.get("state") or "") > _LONGEST_STATE:
        raise OAuthError("invalid_request", f"state may have up to {_LONGEST_STATE} characters.")
    resource = parameters.get("resource")
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        redirect_uri_given=parameters.get("redirect_uri") is not None,
        state=parameters.get("state"),
        scopes=scopes_of(parameters.get("scope")),
        challenge=_challenge(parameters),
        gateway=None if resource is None else gateway_of(resource),
        expires_at=now + LIFETIME,
    )


def scopes_of(asked: str | None) -> tuple[str, ...]:
    """Those of the asked scopes that we have, reading always among them: nothing works without. Scopes that we do not
    have are left out, because some clients ask for all they know. Raises OAuthError if nothing is left."""
    named = frozenset((asked or READ).split())
    known = tuple(scope for scope in SCOPES if scope in named)
    if not known:
        raise OAuthError("invalid_scope", f"Ask for one of {', '.join(SCOPES)}.")
    return known if READ in known else (READ, *known)


class RequestSeal:
    """Turns a request into a text for a URL and back. Nothing is stored until somebody who is signed in decides."""

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures

    def seal(self, request: AuthorizationRequest) -> str:
        fields = {**asdict(request), "expires_at": request.expires_at.timestamp()}
        packed = base64.urlsafe_b64encode(json.dumps(fields, separators=(",", ":")).encode()).decode().rstrip("=")
        return f"{packed}.{self._signatures.sign(_PURPOSE, packed)}"

    def open(self, sealed: str, now: datetime) -> AuthorizationRequest:
        """Raises BadRequest for a text that we did not make, or made too long ago."""
        packed, _, signature = sealed.partition(".")
        if len(sealed) > _LONGEST_SEALED or not self._signatures.fits(_PURPOSE, packed, signature):
            raise BadRequest("This link is damaged. Start again from the agent.")
        try:
            fields = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
            fields["expires_at"] = datetime.fromtimestamp(fields["expires_at"], UTC)
            request = AuthorizationRequest(**{**fields, "scopes": tuple(fields["scopes"])})
        except (binascii.Error, ValueError, TypeError, KeyError) as error:  # sealed by another version of ours
            raise BadRequest("This link is too old. Start again from the agent.") from error
        if request.expires_at <= now:
            raise BadRequest("This request is too old: ten minutes have passed. Start again from the agent.")
        return request


def reply_to(redirect_uri: str, issuer: str, state: str | None, **values: str) -> str:
    """Where the browser goes with the answer. It always names who answers (RFC 9207), errors included."""
    answer = {**values, **({} if state is None else {"state": state}), "iss": issuer}
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(answer)}"


def _challenge(parameters: Parameters) -> str:
    challenge = parameters.get("code_challenge")
    if challenge is None:
        raise OAuthError("invalid_request", "PKCE is required: send code_challenge with code_challenge_method=S256.")
    if parameters.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "Only code_challenge_method=S256 is supported.")
    if _CHALLENGE.fullmatch(challenge) is None:
        raise OAuthError("invalid_request", "code_challenge must be the base64url of a SHA-256: 43 characters.")
    return challenge
