"""The ways in and out: sign up, sign in, sign out, and a new password by one-time link."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.responses import RedirectResponse

from auth.access import Caller
from errors import GatehouseError
from portal.api.dependencies import From
from portal.pages.screen import Anyone, Own, Screen
from portal.refusals import Refusal, parse
from portal.texts.catalogue import t
from schemas.accounts import ResetPassword, SignIn, SignUp
from web.next import safe_next
from web.pages import SCHEME_COOKIE, SCHEMES

AFTER_SIGN_IN = "/"

router = APIRouter(include_in_schema=False)


@router.get("/signin")
async def sign_in_page(screen: Anyone) -> Response:
    target = safe_next(screen.typed.get("next"), AFTER_SIGN_IN)
    if screen.person is not None:
        return screen.go(target)
    return _sign_in_page(screen)


@router.post("/signin")
async def sign_in(screen: Anyone, caller: From) -> Response:
    """Leads back to where the person was going."""
    try:
        return await _let_in(screen, caller, screen.typed.get("email"), screen.typed.get("password"))
    except GatehouseError as error:
        return _sign_in_page(screen, Refusal.of(error))


@router.get("/signup")
async def sign_up_page(screen: Anyone) -> Response:
    return _sign_up_page(screen)


@router.post("/signup")
async def sign_up(screen: Anyone, caller: From) -> Response:
    """The account is made and signed in."""
    typed = screen.typed
    password = typed.get("password")
    try:
        form = parse(
            SignUp,
            {
                "email": typed.get("email"),
                "name": typed.get("name"),
                "password": password,
                "invitation": typed.get("invitation") or None,
            },
        )
        user = await screen.portal.accounts.sign_up(form, caller)
        return await _let_in(screen, caller, user.email, password)
    except GatehouseError as error:
        return _sign_up_page(screen, Refusal.of(error, shown=("email", "name", "password")))


@router.post("/signout")
async def sign_out(screen: Own) -> Response:
    await screen.portal.sessions.sign_out(screen.person)
    return screen.signed_out(screen.go("/signin", t("entrance.sign_in.done_out")))


@router.get("/reset")
async def reset_page(screen: Anyone) -> Response:
    return _reset_page(screen)


@router.post("/reset")
async def reset(screen: Anyone) -> Response:
    typed = screen.typed
    try:
        form = parse(ResetPassword, {"token": typed.get("token"), "password": typed.get("password")})
        await screen.portal.links.reset(form.token, form.password)
    except GatehouseError as error:
        return _reset_page(screen, Refusal.of(error, shown=("password",)))
    return screen.go("/signin", t("entrance.reset.done"))


@router.post("/scheme")
async def choose_scheme(screen: Anyone) -> Response:
    """Light, dark, or as the reader's system has it; remembered for a year on this browser."""
    response = RedirectResponse(safe_next(screen.typed.get("next")), status_code=303)
    chosen = screen.typed.get("scheme")
    if chosen in SCHEMES:
        response.set_cookie(
            SCHEME_COOKIE,
            chosen,
            max_age=365 * 24 * 3600,
            path="/",
            secure=screen.portal.is_secure,
            httponly=True,
            samesite="lax",
        )
    else:
        response.delete_cookie(SCHEME_COOKIE, path="/", secure=screen.portal.is_secure, httponly=True, samesite="lax")
    return response


async def _let_in(screen: Screen, caller: Caller, email: str, password: str) -> Response:
    """Raises Unauthenticated and TooManyRequests."""
    form = parse(SignIn, {"email": email, "password": password})
    opened = await screen.portal.sessions.sign_in(form, caller)
    return screen.signed_in(screen.go(safe_next(screen.typed.get("next"), AFTER_SIGN_IN)), opened)


def _sign_in_page(screen: Screen, refusal: Refusal | None = None) -> Response:
    values = {
        "email": screen.typed.get("email"),
        "next": safe_next(screen.typed.get("next"), AFTER_SIGN_IN),
        "refusal": refusal,
    }
    return screen.page("sign_in.html", values, refusal.status if refusal else 200)


def _sign_up_page(screen: Screen, refusal: Refusal | None = None) -> Response:
    typed = screen.typed
    values = {
        "email": typed.get("email"),
        "name": typed.get("name"),
        "invitation": typed.get("invitation"),
        "next": safe_next(typed.get("next"), AFTER_SIGN_IN),
        "mode": screen.portal.accounts.signup,
        "refusal": refusal,
    }
    return screen.page("sign_up.html", values, refusal.status if refusal else 200)


def _reset_page(screen: Screen, refusal: Refusal | None = None) -> Response:
    values = {"token": screen.typed.get("token"), "refusal": refusal}
    return screen.page("reset.html", values, refusal.status if refusal else 200)
