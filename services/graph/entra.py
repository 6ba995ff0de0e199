"""Signing in as an app: Entra's client credentials flow.

By our own code, because azure-identity costs 37 MB of memory, brings a second HTTP stack that the egress guard does not
see, and refuses the sandbox's plain http.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Final

import httpx2
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from errors import SourceError, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable
from services.graph.replies import Reply, read_within
from services.tokens import Token

SCOPE: Final = "https://graph.microsoft.com/.default"
"""Everything that was granted to the app on Graph; the resource's name, wherever Graph answers."""
_MOST_BYTES: Final = 200_000
_CODE: Final = re.compile(r"AADSTS(\d{2,12})")

_WRONG_VALUE: Final = (
    "Microsoft says the client secret is wrong. Copy the secret's Value, not its Secret ID, "
    "from Certificates & secrets in Entra; if it is hidden by now, add a new secret."
)
_NO_SUCH_APP: Final = (
    "Microsoft finds no app with this client ID in this tenant. Compare both with Overview in the app's "
    "registration: Application (client) ID and Directory (tenant) ID."
)
_NO_SUCH_TENANT: Final = (
    "Microsoft does not know this tenant. Copy the Directory (tenant) ID from Overview in the app's registration."
)
_NOT_CONSENTED: Final = (
    "The app is not admitted to this tenant yet. An administrator has to grant consent under API permissions of the "
    "app's registration."
)
_DISABLED: Final = (
    "The app is disabled in Entra. Enable it under Enterprise applications, Properties, Enabled for users to sign in."
)
_BLOCKED: Final = (
    "A Conditional Access policy keeps the app out. An administrator has to admit this server's address, or except "
    "the app from the policy."
)
_WORDS: Final[Mapping[int, str]] = {
    # Microsoft Learn, "Microsoft Entra authentication and authorization error codes"; 7000216 and 7000229 and the
    # forms of a malformed tenant from what the endpoint answers.
    70002: _WRONG_VALUE,
    7000215: _WRONG_VALUE,
    7000216: "Microsoft got no client secret. Enter the secret's Value again.",
    7000218: "Microsoft got no client secret. Enter the secret's Value again.",
    7000222: "The client secret has expired. Add a new one under Certificates & secrets in Entra and enter its Value.",
    700016: _NO_SUCH_APP,
    700011: _NO_SUCH_APP,
    70001: _DISABLED,
    7000112: _DISABLED,
    1000031: _DISABLED,
    7000229: _NOT_CONSENTED,
    65001: _NOT_CONSENTED,
    90094: _NOT_CONSENTED,
    650056: _NOT_CONSENTED,
    90002: _NO_SUCH_TENANT,
    90013: _NO_SUCH_TENANT,
    90019: _NO_SUCH_TENANT,
    900021: _NO_SUCH_TENANT,
    900023: _NO_SUCH_TENANT,
    9001023: _NO_SUCH_TENANT,
    90038: "This tenant belongs to another national cloud of Microsoft, which this server does not talk to.",
    500011: "Microsoft Graph is switched off in this tenant. An administrator has to enable it in Entra.",
    53003: _BLOCKED,
    530032: _BLOCKED,
    700025: "The app is registered as a public client. Use one that may have a client secret.",
}
_PASSING: Final = frozenset({90006, 90012, 90024, 90033, 90090, 90091})
_THROTTLED: Final = frozenset({50196, 90055})


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraApp:
    """An app registration, and what it signs in with."""

    tenant_id: str
    client_id: str
    client_secret: SecretStr


class _Granted(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: Annotated[str, Field(min_length=1, pattern=r"^[\x21-\x7e]+$")]
    expires_in: Annotated[int, Field(gt=0)]


class _Refused(BaseModel):
    error: str = ""
    error_description: str = ""
    error_codes: tuple[int, ...] = ()


class EntraSignIn:
    """Fetches tokens for one app: `TokenCache(EntraSignIn(...), clock=clock)`."""

    def __init__(self, http: httpx2.AsyncClient, base_url: str, app: EntraApp) -> None:
        """`base_url` without a trailing slash: `https://login.microsoftonline.com`. The client is closed with this."""
        self._http = http
        self._url = f"{base_url}/{app.tenant_id}/oauth2/v2.0/token"
        self._app = app

    async def __call__(self) -> Token:
        """A token for Graph. Raises SourceUnauthorized with what the owner can do, or another SourceError."""
        try:
            reply = await self._post()
        except httpx2.TimeoutException as error:
            raise SourceTimeout("Microsoft's sign-in service did not answer in time.") from error
        except httpx2.RequestError as error:
            raise SourceUnavailable("Microsoft's sign-in service cannot be reached.") from error
        if not reply.ok:
            raise _refusal(reply)
        try:
            granted = _Granted.model_validate_json(reply.content)
        except ValidationError as error:
            raise SourceUnavailable("Microsoft's sign-in service answered with something that is no token.") from error
        return Token(granted.access_token, timedelta(seconds=granted.expires_in))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _post(self) -> Reply:
        form = {
            "client_id": self._app.client_id,
            "client_secret": self._app.client_secret.get_secret_value(),
            "grant_type": "client_credentials",
            "scope": SCOPE,
        }
        async with self._http.stream("POST", self._url, data=form, headers={"Accept": "application/json"}) as response:
            content = await read_within(response.aiter_bytes(), _MOST_BYTES)
            return Reply(response.status_code, response.headers, content)


def _refusal(reply: Reply) -> SourceError:
    refused = _read_refusal(reply.content)
    described = [int(number) for number in _CODE.findall(refused.error_description)]
    codes = (*refused.error_codes, *described)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS or _THROTTLED.intersection(codes):
        return SourceRateLimited("Microsoft wants us to sign in less often. Try again later.", reply.retry_after())
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR or _PASSING.intersection(codes):
        return SourceUnavailable("Microsoft's sign-in service is out of order for the moment.")
    for code in codes:
        if code in _WORDS:
            return SourceUnauthorized(_WORDS[code])
    if not codes and not refused.error:
        return SourceUnavailable("Microsoft's sign-in service answered with something that is no token.")
    which = f" (AADSTS{codes[0]})" if codes else ""
    return SourceUnauthorized(f"Microsoft refused to sign the app in{which}. Check tenant, client ID and secret.")


def _read_refusal(content: bytes) -> _Refused:
    try:
        return _Refused.model_validate(json.loads(content))
    except (ValueError, RecursionError):
        return _Refused()
