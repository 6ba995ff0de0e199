"""A server's name, what it tells agents, who may enter, its limits, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from auth.rights import Right, may_own
from errors import GatehouseError
from federation.directory import DEFAULT_DEADLINE
from portal.pages.screen import Own, OwnScreen
from portal.pages.seconds import in_ms, in_seconds, limit_in_seconds, told_in_seconds
from portal.pages.server_page import as_written, open_server, path_of, show
from portal.refusals import Refusal, parse
from portal.texts.catalogue import t
from repositories.servers import Seen
from schemas.servers import ServerWrite

_EDITORS: Final = ("name", "instructions")
_OWNERS: Final = ("access", "deadline_ms", "results", "rerank")

router = APIRouter(prefix="/servers/{server_id}", include_in_schema=False)


@router.get("/settings")
async def settings_page(server_id: UUID, screen: Own) -> Response:
    seen = await open_server(screen, server_id, Right.EDIT)
    now = {name: getattr(seen.server, name) for name in (*_EDITORS, *_OWNERS)}
    return _page(screen, seen, {**now, "deadline_s": limit_in_seconds(seen.server.deadline_ms)})


@router.post("/settings")
async def change(server_id: UUID, screen: Own) -> Response:
    """A manager's form holds what managers decide; the rest stays as it is."""
    seen = await open_server(screen, server_id, Right.EDIT)
    typed = _typed(screen, seen)
    try:
        form = parse(ServerWrite, as_written(seen, typed))
        changed = await screen.portal.servers.replace(screen.person, server_id, form)
    except GatehouseError as error:
        refusal = Refusal.of(error, shown=(*_EDITORS, *_OWNERS))
        return _page(
            screen,
            seen,
            {**typed, "deadline_s": screen.typed.get("deadline_s")},
            told_in_seconds(refusal, {"deadline_ms": "deadline_s"}),
        )
    return screen.go(path_of(changed, "settings"), t("servers.settings.done"))


@router.get("/delete")
async def delete_page(server_id: UUID, screen: Own) -> Response:
    """Says what goes with it."""
    seen = await open_server(screen, server_id, Right.OWN)
    return show(screen, seen, "settings", {}, template="server_delete.html")


@router.post("/delete")
async def delete(server_id: UUID, screen: Own) -> Response:
    seen = await open_server(screen, server_id, Right.OWN)
    name = seen.server.name
    await screen.portal.servers.delete(screen.person, server_id)
    return screen.go("/servers", t("servers.delete.done", name=name))


def _typed(screen: OwnScreen, seen: Seen) -> dict[str, Any]:
    """What the form of this role holds."""
    typed = screen.typed
    given: dict[str, Any] = {
        "name": typed.get("name"),
        "instructions": typed.get("instructions").replace("\r\n", "\n").strip() or None,
    }
    if not may_own(seen.role):
        return given
    return {
        **given,
        "access": typed.get("access").strip(),
        "deadline_ms": in_ms(typed.get("deadline_s")),
        "results": typed.get("results").strip(),
        "rerank": "rerank" in typed,
    }


def _page(screen: OwnScreen, seen: Seen, values: Mapping[str, Any], refusal: Refusal | None = None) -> Response:
    return show(screen, seen, "settings", {"values": values, "usual": in_seconds(DEFAULT_DEADLINE)}, refusal)
