"""An invitation to somebody's server: what it is for, and joining."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Response

from errors import GatehouseError
from portal.actions.members import Offer
from portal.pages.screen import Anyone, Own, Screen
from portal.refusals import Refusal
from portal.texts.catalogue import t

router = APIRouter(prefix="/join", include_in_schema=False)


@router.get("")
async def join_page(screen: Anyone) -> Response:
    """Looking does not use it up; nor does it join anybody."""
    try:
        offer = await screen.portal.members.look(screen.typed.get("token"))
    except GatehouseError as error:
        return _page(screen, None, Refusal.of(error))
    return _page(screen, offer)


@router.post("")
async def join(screen: Own) -> Response:
    token = screen.typed.get("token")
    try:
        seen = await screen.portal.members.accept(screen.person, token)
    except GatehouseError as error:
        return _page(screen, None, Refusal.of(error))
    return screen.go(f"/servers/{seen.server.id}", t("join.done", server=seen.server.name))


def _page(screen: Screen, offer: Offer | None, refusal: Refusal | None = None) -> Response:
    token = screen.typed.get("token")
    here = f"/join?{urlencode({'token': token})}"
    values = {
        "offer": offer,
        "token": token,
        "refusal": refusal,
        "sign_in": f"/signin?{urlencode({'next': here})}",
        "sign_up": f"/signup?{urlencode({'invitation': token, 'next': '/servers'})}",
        "fits": offer is not None and screen.person is not None and screen.person.email == offer.email,
    }
    return screen.page("join.html", values, refusal.status if refusal else 200)
