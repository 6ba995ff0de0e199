"""The pages that one-time links lead to, and the front page. They work without any script."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Response
from pydantic import ValidationError

from errors import GatehouseError, Invalid
from portal.api.dependencies import From, Use
from schemas.accounts import ResetPassword, SignUp
from schemas.fields import explain
from web.pages import Pages

FORM_PATHS: Final = ("/signup", "/reset")

router = APIRouter(include_in_schema=False)

_PAGES: Final = Pages(Path(__file__).parent.parent / "templates")

Token = Annotated[str, Query(max_length=100)]
Typed = Annotated[str, Form(max_length=2_000)]


@router.get("/")
async def front(portal: Use) -> Response:
    return _PAGES.render("front.html", {"portal_url": portal.url})


@router.get("/signup")
async def sign_up_page(invitation: Token = "") -> Response:
    return _sign_up_page({"invitation": invitation})


@router.post("/signup")
async def sign_up(
    portal: Use, caller: From, email: Typed = "", name: Typed = "", password: Typed = "", invitation: Typed = ""
) -> Response:
    typed = {"email": email, "name": name, "invitation": invitation}
    try:
        form = SignUp(email=email, name=name, password=password, invitation=invitation or None)
        user = await portal.accounts.sign_up(form, caller)
    except (GatehouseError, ValidationError) as error:
        return _sign_up_page(typed, _told(error))
    return _PAGES.render("done.html", {"title": "Your account is ready", "detail": f"Sign in as {user.email}."})


@router.get("/reset")
async def reset_page(token: Token = "") -> Response:
    return _reset_page(token)


@router.post("/reset")
async def reset(portal: Use, token: Typed = "", password: Typed = "") -> Response:
    try:
        form = ResetPassword(token=token, password=password)
        await portal.links.reset(form.token, form.password)
    except (GatehouseError, ValidationError) as error:
        return _reset_page(token, _told(error))
    return _PAGES.render("done.html", {"title": "Your password is set", "detail": "Every session was ended. Sign in."})


def _sign_up_page(typed: dict[str, str], problem: GatehouseError | None = None) -> Response:
    values: dict[str, Any] = {"email": "", "name": "", **typed, "problem": problem and problem.message}
    return _PAGES.render("signup.html", values, problem.status if problem else 200)


def _reset_page(token: str, problem: GatehouseError | None = None) -> Response:
    values = {"token": token, "problem": problem and problem.message}
    return _PAGES.render("reset.html", values, problem.status if problem else 200)


def _told(error: GatehouseError | ValidationError) -> GatehouseError:
    return error if isinstance(error, GatehouseError) else Invalid(explain(error))
