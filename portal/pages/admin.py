"""For the operator: accounts, invitations, the domain pool, and how long things are kept."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Response

from portal.actions.links import MadeLink
from portal.pages.activity import says
from portal.pages.screen import Operated, OwnScreen
from portal.texts.catalogue import t
from repositories.paging import Window

_ACCOUNTS: Final = 25
_INVITATIONS: Final = 50
_EVENTS: Final = 20

router = APIRouter(prefix="/admin", include_in_schema=False)


@router.get("")
async def admin(screen: Operated) -> Response:
    return await _page(screen)


@router.post("/invitations")
async def invite(screen: Operated) -> Response:
    """The link stands in the reply, this once."""
    return await _page(screen, invitation=await screen.portal.links.invite(screen.person))


@router.post("/invitations/{invitation_id}/withdraw")
async def withdraw(invitation_id: UUID, screen: Operated) -> Response:
    await screen.portal.links.withdraw_invitation(screen.person, invitation_id)
    return screen.go("/admin", t("admin.invitations.withdrawn"))


@router.post("/accounts/{user_id}/reset")
async def make_reset(user_id: UUID, screen: Operated) -> Response:
    """The link stands in the reply, this once."""
    return await _page(screen, reset=await screen.portal.operating.make_reset(screen.person, user_id))


async def _page(screen: OwnScreen, invitation: MadeLink | None = None, reset: MadeLink | None = None) -> Response:
    person, portal, typed = screen.person, screen.portal, screen.typed
    words = typed.get("q").strip()[:100]
    window = Window(_ACCOUNTS, typed.get("cursor") or None)
    accounts = await portal.operating.list_accounts(person, window, words=words)
    searched = {"q": words} if words else {}
    values = {
        "accounts": accounts.items,
        "words": words,
        "first": f"/admin?{urlencode(searched)}" if window.cursor else "",
        "next": f"/admin?{urlencode({**searched, 'cursor': accounts.next})}" if accounts.next else "",
        "invitations": (await portal.links.list_invitations(person, Window(_INVITATIONS))).items,
        "places": await portal.operating.list_places(person),
        "events": (await portal.operating.list_events(person, Window(_EVENTS))).items,
        "says": says,
        "retention": portal.operating.retention(person),
        "mode": portal.accounts.signup,
        "invitation": invitation,
        "reset": reset,
    }
    return screen.page("admin.html", values)
