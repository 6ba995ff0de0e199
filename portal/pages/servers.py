"""Servers: all that a person owns or is a member of, and a new one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter, Response

from auth.rights import may_edit
from errors import GatehouseError, Invalid, PoolExhausted
from portal.pages.screen import Own, OwnScreen
from portal.pages.server_page import own_sources, url_of
from portal.refusals import Refusal, parse
from portal.texts.catalogue import t
from repositories.paging import Window
from repositories.servers import Seen
from schemas.servers import MOST_SOURCES, ServerWrite

_AT_ONCE: Final = 30
_WORST_FIRST: Final = ("unavailable", "reconnect", "paused", "slow", "ok", "unchecked")
_FIELDS: Final = ("name", "source_ids", "access")

router = APIRouter(prefix="/servers", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One server as the list shows it."""

    seen: Seen
    url: str
    serving: bool
    health: Sequence[tuple[str, int]]
    """How many of the sources that are switched on are in which status, the worst first; nothing for readers, who are
    not told how the owner's accounts do."""


@router.get("")
async def list_servers(screen: Own) -> Response:
    window = Window(_AT_ONCE, screen.typed.get("cursor") or None)
    page = await screen.portal.servers.list_mine(screen.person, window)
    values = {
        "rows": [_row(screen, seen) for seen in page.items],
        "first": "/servers" if window.cursor else "",
        "next": f"/servers?cursor={page.next}" if page.next else "",
    }
    return screen.page("servers.html", values)


@router.get("/new")
async def new_page(screen: Own) -> Response:
    return await _new_page(screen)


@router.post("/new")
async def create(screen: Own) -> Response:
    typed = screen.typed
    try:
        chosen = chosen_sources(typed.all("source_ids"))
        values = {"name": typed.get("name"), "source_ids": chosen, "access": typed.get("access", "oauth")}
        seen = await screen.portal.servers.create(screen.person, parse(ServerWrite, values))
    except GatehouseError as error:
        return await _new_page(screen, error)
    return screen.go(f"/servers/{seen.server.id}", t("servers.new.done", name=seen.server.name))


def chosen_sources(ticked: Sequence[str]) -> Sequence[str]:
    """What was ticked. Raises Invalid for more than a server can have."""
    if len(ticked) > MOST_SOURCES:
        raise Invalid.field("source_ids", t("servers.pick.too_many", most=MOST_SOURCES))
    return ticked


async def _new_page(screen: OwnScreen, error: GatehouseError | None = None) -> Response:
    typed = screen.typed
    refusal = None if error is None else Refusal.of(error, shown=_FIELDS)
    if refusal is not None and isinstance(error, PoolExhausted):
        refusal = replace(refusal, others=(t("servers.new.pool"),))
    values = {
        "sources": await own_sources(screen),
        "ticked": frozenset(typed.all("source_ids")),
        "name": typed.get("name"),
        "access": typed.get("access", "oauth"),
        "refusal": refusal,
    }
    return screen.page("server_new.html", values, refusal.status if refusal else 200)


def _row(screen: OwnScreen, seen: Seen) -> Row:
    counted = Counter(source.status for link, source in seen.sources if link.enabled)
    health = [(status, counted[status]) for status in _WORST_FIRST if counted[status]]
    shown = health if may_edit(seen.role) else []
    return Row(seen, url_of(seen), screen.portal.servers.is_in_pool(seen), shown)
