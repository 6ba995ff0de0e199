"""Where people decide: /authorize sends the browser on, /consent asks.

Pages that agents send people to are the classic place for tricks, so: nothing is granted by a GET, the form belongs to
one session and one request, no page can be framed, and a reply goes only to an address that the client has named.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from fastapi import APIRouter, Response
from starlette.responses import RedirectResponse

from auth.agents import WRITE
from auth.oauth.consents import Question, SentBack
from auth.oauth.redirects import is_loopback
from auth.oauth.requests import Parameters
from auth.rights import may_edit
from errors import Forbidden, GatehouseError, Invalid
from portal.pages.screen import Anyone, Screen, to_sign_in
from portal.refusals import Refusal
from web.pages import PAGE_HEADERS

router = APIRouter(include_in_schema=False)

_SEE_OTHER: Final = 303
_LONGEST_NAME: Final = 100


@router.get("/authorize")
async def authorize(screen: Anyone) -> Response:
    pairs = parse_qsl(screen.request.url.query, keep_blank_values=True)
    parameters = Parameters.of(pairs)
    try:
        sealed = await screen.portal.consents.begin(parameters)
    except SentBack as error:
        return RedirectResponse(error.location, _SEE_OTHER)
    if parameters.get("prompt") == "none":  # nothing can be granted without a page
        signed_in = screen.person is not None
        why = ("consent_required", "The person must be asked.") if signed_in else ("login_required", "Nobody is there.")
        return RedirectResponse(screen.portal.consents.refused(sealed, *why), _SEE_OTHER)
    return RedirectResponse(f"/consent?{urlencode({'request': sealed})}", _SEE_OTHER)


@router.get("/consent")
async def consent_page(screen: Anyone) -> Response:
    if screen.person is None:
        return to_sign_in(screen.request)
    return _page(screen, await screen.portal.consents.ask(screen.typed.get("request"), screen.person))


@router.post("/consent")
async def consent(screen: Anyone) -> Response:
    if screen.person is None:
        return to_sign_in(screen.request)
    typed, consents = screen.typed, screen.portal.consents
    sealed, token = typed.get("request"), typed.get("token")
    if typed.get("decision") != "allow":
        return RedirectResponse(await consents.deny(sealed, token, screen.person), _SEE_OTHER)
    try:
        location = await consents.allow(
            sealed,
            token,
            screen.person,
            server_id=_server_id(typed.get("server")),
            may_write=typed.get("write") == "on",
        )
    except Invalid as error:
        return _page(screen, await consents.ask(sealed, screen.person), error)
    return RedirectResponse(location, _SEE_OTHER)


def _page(screen: Screen, question: Question, problem: GatehouseError | None = None) -> Response:
    client, request = question.client, question.request
    values = {
        "question": question,
        "client": _cut(client.name),
        "host": client.host,
        "vouched": client.vouched,
        "target": _shown_target(request.redirect_uri),
        "on_this_machine": all(is_loopback(uri) for uri in client.redirect_uris),
        "may_write": WRITE in request.scopes and any(may_edit(place.role) for place in question.places),
        "refusal": None if problem is None else Refusal.of(problem),
    }
    response = screen.page("consent.html", values, problem.status if problem else 200 if question.places else 403)
    response.headers["Content-Security-Policy"] = _policy(request.redirect_uri)
    return response


def _policy(redirect_uri: str) -> str:
    """Chromium applies form-action to where a form's answer redirects as well, so the one validated target is added. A
    policy cannot name an IPv6 address (CSP 3, section 2.3.1), so there the scheme must do."""
    parts = urlsplit(redirect_uri)
    is_web = parts.scheme in ("http", "https")
    target = f"{parts.scheme}://{parts.netloc}" if is_web and "[" not in parts.netloc else f"{parts.scheme}:"
    return PAGE_HEADERS["Content-Security-Policy"].replace("form-action 'self'", f"form-action 'self' {target}")


def _shown_target(redirect_uri: str) -> str:
    """Where the browser goes next, as short as it can honestly be said: the host, or the app's own scheme."""
    parts = urlsplit(redirect_uri)
    return parts.netloc if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def _server_id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise Forbidden("This form was changed on the way. Start again from the agent.") from error
