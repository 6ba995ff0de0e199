"""Sign-up, sign-in and everything under /me."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from fastapi import APIRouter, Response

from auth.tokens import SESSION_LIFETIME
from portal.actions.sessions import Opened
from portal.api import views
from portal.api.dependencies import From, Part, Person, Use, cookie_name
from portal.context import Portal
from schemas.accounts import (
    ChangeEmail,
    ChangePassword,
    Rename,
    ResetPassword,
    Session,
    SignedIn,
    SignIn,
    SignUp,
    User,
)
from schemas.export import Export
from schemas.listing import Listing

router = APIRouter(tags=["account"])


@router.post("/signup", status_code=201, summary="Make an account")
async def sign_up(form: SignUp, portal: Use, caller: From) -> User:
    """The very first account runs the installation. Where sign-up is by invitation, give the link's token."""
    return views.user(await portal.accounts.sign_up(form, caller))


@router.post("/signin", summary="Sign in")
async def sign_in(form: SignIn, response: Response, portal: Use, caller: From) -> SignedIn:
    """Sets an HTTP-only cookie and returns the same token for programs. Lasts twelve hours."""
    return _signed_in(response, portal, await portal.sessions.sign_in(form, caller))


@router.post("/signout", status_code=204, summary="Sign out")
async def sign_out(response: Response, portal: Use, person: Person) -> None:
    """The token is dead from then on, wherever it was copied to."""
    await portal.sessions.sign_out(person)
    response.delete_cookie(cookie_name(portal), path="/", secure=portal.is_secure, httponly=True, samesite="lax")


@router.post("/reset-password", status_code=204, summary="Set a new password with a one-time link")
async def reset_password(form: ResetPassword, portal: Use) -> None:
    """Ends every session of the account."""
    await portal.links.reset(form.token, form.password)


@router.get("/me", summary="Your account")
async def get_me(portal: Use, person: Person) -> User:
    return views.user(await portal.accounts.get(person))


@router.patch("/me", summary="Change your name")
async def rename_me(form: Rename, portal: Use, person: Person) -> User:
    return views.user(await portal.accounts.rename(person, form.name))


@router.delete("/me", status_code=204, summary="Delete your account")
async def delete_me(response: Response, portal: Use, person: Person) -> None:
    """Sessions, keys, servers and sources stop at once, secrets are destroyed, domains go back to the pool."""
    await portal.accounts.delete(person)
    response.delete_cookie(cookie_name(portal), path="/", secure=portal.is_secure, httponly=True, samesite="lax")


@router.post("/me/password", summary="Change your password")
async def change_password(form: ChangePassword, response: Response, portal: Use, person: Person) -> SignedIn:
    """Ends every session, this one too, and opens a new one."""
    return _signed_in(response, portal, await portal.sessions.change_password(person, form))


@router.post("/me/email", summary="Change your e-mail address")
async def change_email(form: ChangeEmail, portal: Use, person: Person) -> User:
    return views.user(await portal.accounts.change_email(person, form))


@router.get("/me/export", summary="Everything we keep about you")
async def export_me(portal: Use, person: Person) -> Export:
    """Secrets excepted; of the activity, the newest 10,000 events."""
    held = await portal.exports.everything(person)
    return Export(
        user=views.user(held.user),
        sessions=[views.session(row, person.session_id) for row in held.sessions],
        sources=[views.source(row, portal.sources.secret_names(row)) for row in held.sources],
        servers=[views.server(placed, portal) for placed in held.servers],
        keys=[views.exported_key(row, held.user) for row in held.keys],
        grants=[views.exported_grant(one) for one in held.grants],
        activity=[views.activity(row) for row in held.activity],
    )


@router.get("/me/sessions", summary="Where you are signed in")
async def list_sessions(portal: Use, person: Person, part: Part) -> Listing[Session]:
    return views.listing(
        await portal.sessions.list_live(person, part), partial(views.session, current=person.session_id)
    )


@router.delete("/me/sessions", status_code=204, summary="Sign out everywhere else")
async def end_other_sessions(portal: Use, person: Person) -> None:
    """Every session ends but the one that asks."""
    await portal.sessions.revoke_others(person)


@router.delete("/me/sessions/{session_id}", status_code=204, summary="End a session")
async def end_session(session_id: UUID, portal: Use, person: Person) -> None:
    await portal.sessions.revoke(person, session_id)


def _signed_in(response: Response, portal: Portal, opened: Opened) -> SignedIn:
    lifetime_s = int(SESSION_LIFETIME.total_seconds())
    response.set_cookie(
        cookie_name(portal),
        opened.token,
        max_age=lifetime_s,
        path="/",
        secure=portal.is_secure,
        httponly=True,
        samesite="lax",
    )
    return SignedIn(access_token=opened.token, expires_in=lifetime_s, user=views.user(opened.user))
