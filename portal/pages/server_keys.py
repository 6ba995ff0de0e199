"""A server's API keys: made, shown once, and revoked."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID

from fastapi import APIRouter, Response

from auth.rights import Right
from errors import GatehouseError, Invalid
from portal.actions.keys import MadeKey
from portal.pages.screen import Own, OwnScreen
from portal.pages.server_page import Part, open_server, path_of, show
from portal.refusals import Refusal, parse
from portal.texts.catalogue import t
from repositories.servers import Seen
from schemas.servers import KeyWrite

router = APIRouter(prefix="/servers/{server_id}/keys", include_in_schema=False)


@router.get("")
async def keys_page(server_id: UUID, screen: Own) -> Response:
    return await _page(screen, await open_server(screen, server_id, Right.EDIT))


@router.post("")
async def create(server_id: UUID, screen: Own) -> Response:
    """The key stands on the page that answers, and nowhere again."""
    seen, typed = await open_server(screen, server_id, Right.EDIT), screen.typed
    try:
        values = {"name": typed.get("name"), "expires_at": _end_of(typed.get("expires_at"))}
        made = await screen.portal.keys.create(screen.person, server_id, parse(KeyWrite, values))
    except GatehouseError as error:
        return await _page(screen, seen, Refusal.of(error, shown=("name", "expires_at")))
    return await _page(screen, seen, made=made)


@router.post("/{key_id}/revoke")
async def revoke(server_id: UUID, key_id: UUID, screen: Own) -> Response:
    seen = await open_server(screen, server_id, Right.EDIT)
    await screen.portal.keys.revoke(screen.person, server_id, key_id)
    return screen.go(path_of(seen, "keys"), t("servers.keys.revoked"))


def _end_of(day: str) -> datetime | None:
    """The last second in UTC of a day as browsers send it; None for no day. Raises Invalid."""
    if not day:
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time(23, 59, 59), UTC)
    except ValueError:
        raise Invalid.field("expires_at", t("servers.keys.no_day")) from None


async def _page(screen: OwnScreen, seen: Seen, refusal: Refusal | None = None, made: MadeKey | None = None) -> Response:
    now = screen.portal.clock()
    part = Part.of(screen, path_of(seen, "keys"))
    page = await screen.portal.keys.list_of(screen.person, seen.server.id, part.window)
    values = {
        "keys": [
            (one.key, one.maker, one.key.expires_at is not None and one.key.expires_at <= now) for one in page.items
        ],
        "made": made,
        "name": screen.typed.get("name") if refusal else "",
        "expires_at": screen.typed.get("expires_at") if refusal else "",
        **part.links(page.next),
    }
    return show(screen, seen, "keys", values, refusal)
