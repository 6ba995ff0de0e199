"""POST /oauth2/token: client credentials for the enterprise's service account, or for one of its users."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.admission import Secrets, Tokens
from sandbox.behaviour import Behaviour
from sandbox.box.errors import oauth_error
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    world: World
    tokens: Tokens
    secrets: Secrets
    behaviour: Behaviour

    async def token(self, request: Request) -> Response:
        """A wrong secret, an app that nobody authorised and a subject that is not allowed are told apart by nobody."""
        form = await request.form()
        if form.get("grant_type") != "client_credentials":
            return oauth_error(400, "unsupported_grant_type", "The grant type is unauthorized for this client_id")
        subject = self._subject(str(form.get("box_subject_type", "")), str(form.get("box_subject_id", "")))
        known = self.world.credentials.box
        given = (form.get("client_id"), form.get("client_secret"))
        if given != (known.client_id, known.client_secret) or not self.secrets.works("box") or subject is None:
            return oauth_error(400, "invalid_grant", "Grant credentials are invalid")
        lifetime = self.behaviour.token_lifetime
        token = self.tokens.issue("box", app=known.client_id, subject=subject, scope="", lifetime=lifetime)
        seconds = int(lifetime.total_seconds())
        answer = {"access_token": token, "expires_in": seconds, "token_type": "bearer", "restricted_to": []}
        return JSONResponse(answer, headers={"cache-control": "no-store"})

    def _subject(self, kind: str, id: str) -> str | None:
        """The user to act as; None if the app may not."""
        known = self.world.credentials.box
        if (kind, id) == ("enterprise", known.enterprise_id):
            return known.service_account
        return known.user_id if (kind, id) == ("user", known.user_id) else None
