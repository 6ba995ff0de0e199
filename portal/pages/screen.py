"""What a page's route is given: who asks, what their form sent, and the ways to answer.

`Anyone` is for pages that a stranger may open, `Own` for those of a signed-in person, `Operated` for the operator's.
Every write through `Own` and `Operated` has proved that the form came from a page of the same session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, HTTPException, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from auth.access import SignedIn, require_operator
from auth.tokens import SESSION_LIFETIME
from errors import Forbidden, Unauthenticated
from portal.actions.sessions import Opened
from portal.api.dependencies import caller_of, cookie_name, portal_of
from portal.context import Portal
from portal.pages.flash import Flash, Flashes, Look
from portal.pages.typed import Typed
from portal.texts.catalogue import t
from web.next import safe_next
from web.pages import SCRIPTED_PAGE_HEADERS, Pages, asked_in_place, chosen_scheme

FORM_TOKEN: Final = "form_token"  # noqa: S105 - the name of a field
"""The hidden field that ties a form to the session it was made for."""

_PURPOSE: Final = "form"
_FORM: Final = "application/x-www-form-urlencoded"
_SAFE: Final = frozenset({"GET", "HEAD"})
_PAGES: Final = Pages(Path(__file__).parent.parent / "templates", t=t)


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One request for a page."""

    request: Request
    portal: Portal
    person: SignedIn | None
    typed: Typed

    @property
    def in_place(self) -> bool:
        """Whether htmx asks, which puts the reply into the page that is open: answer with a part of it."""
        return asked_in_place(self.request)

    def page(self, template: str, values: Mapping[str, Any], status: int = 200) -> Response:
        """A whole page, with what was just done said on top."""
        flashes = self._flashes()
        flash = flashes.read(self.request.cookies.get(flashes.cookie))
        response = self._render(template, {**values, "flash": flash}, status)
        if flashes.cookie in self.request.cookies:
            flashes.drop(response)
        return response

    def part(self, template: str, values: Mapping[str, Any], status: int = 200) -> Response:
        """What htmx puts in place."""
        return self._render(template, {**values, "flash": None}, status)

    def go(self, path: str, done: str | None = None, *, kind: Look = "ok") -> Response:
        """To another page after a form, which says there what was done."""
        if self.in_place:
            response = Response(status_code=200, headers={"HX-Redirect": path})
        else:
            response = RedirectResponse(path, status_code=303)
        if done is not None:
            self._flashes().leave(response, Flash(done, kind))
        return response

    def signed_in(self, response: Response, opened: Opened) -> Response:
        """The response with the session's cookie."""
        response.set_cookie(
            cookie_name(self.portal),
            opened.token,
            max_age=int(SESSION_LIFETIME.total_seconds()),
            path="/",
            secure=self.portal.is_secure,
            httponly=True,
            samesite="lax",
        )
        return response

    def signed_out(self, response: Response) -> Response:
        """The response without it."""
        response.delete_cookie(
            cookie_name(self.portal), path="/", secure=self.portal.is_secure, httponly=True, samesite="lax"
        )
        return response

    def _render(self, template: str, values: Mapping[str, Any], status: int) -> Response:
        ours = {
            "person": self.person,
            "path": self.request.url.path,
            "scheme": chosen_scheme(self.request),
            "token_field": _token_field(self.portal, self.person) if self.person else "",
        }
        return _PAGES.render(template, {**ours, **values}, status, SCRIPTED_PAGE_HEADERS)

    def _flashes(self) -> Flashes:
        return Flashes(self.portal.signatures, secure=self.portal.is_secure)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnScreen(Screen):
    """One of somebody who is signed in."""

    person: SignedIn


def _token_field(portal: Portal, person: SignedIn) -> Markup:
    """What every form of this session carries along, in the template: `{{ token_field }}`."""
    token = portal.signatures.sign(_PURPOSE, str(person.session_id))
    return Markup('<input type="hidden" name="{}" value="{}">').format(FORM_TOKEN, token)


def to_sign_in(request: Request) -> Response:
    """The sign-in page, which leads back to where the person was. For a form: to the page it stood on."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method not in _SAFE:
        here = _path_of(request.headers.get("hx-current-url") or request.headers.get("referer", ""))
    target = f"/signin?{urlencode({'next': safe_next(here)})}"
    if asked_in_place(request):
        return Response(status_code=401, headers={"HX-Redirect": target})
    return RedirectResponse(target, status_code=303)


async def _typed(request: Request) -> Typed:
    if request.method in _SAFE:
        return Typed(request.query_params.multi_items())
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != _FORM and await request.body():
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    form = await request.form()
    return Typed([(name, value) for name, value in form.multi_items() if isinstance(value, str)])


async def _visitor(request: Request, portal: Portal) -> SignedIn:
    """Whoever the session's cookie stands for. Pages take no bearer token. Raises Unauthenticated."""
    token = request.cookies.get(cookie_name(portal), "")
    if not token:
        raise Unauthenticated("Sign in first.")
    return await portal.doorkeeper.admit(token, caller_of(request))


async def anyone(
    request: Request, portal: Annotated[Portal, Depends(portal_of)], typed: Annotated[Typed, Depends(_typed)]
) -> Screen:
    try:
        person: SignedIn | None = await _visitor(request, portal)
    except Unauthenticated:
        person = None
    return Screen(request=request, portal=portal, person=person, typed=typed)


async def own(
    request: Request, portal: Annotated[Portal, Depends(portal_of)], typed: Annotated[Typed, Depends(_typed)]
) -> OwnScreen:
    """Raises Unauthenticated, and Forbidden for a write without the session's form token."""
    person = await _visitor(request, portal)
    if request.method not in _SAFE:
        given = typed.get(FORM_TOKEN)
        if not portal.signatures.fits(_PURPOSE, str(person.session_id), given):
            raise Forbidden("This form is from another session. Open the page again and send it once more.")
    return OwnScreen(request=request, portal=portal, person=person, typed=typed)


async def operated(screen: Annotated[OwnScreen, Depends(own)]) -> OwnScreen:
    """Raises Forbidden for everyone but the operator."""
    require_operator(screen.person)
    return screen


def _path_of(url: str) -> str:
    """Path and query of a URL that the browser told; `safe_next` looks at them."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")


Anyone = Annotated[Screen, Depends(anyone)]
Own = Annotated[OwnScreen, Depends(own)]
Operated = Annotated[OwnScreen, Depends(operated)]
