"""The sources of a server: which it has, which are switched on, and how each is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from auth.rights import Right
from database.models import ServerSource, Source
from errors import GatehouseError, NotFound
from federation.directory import DEFAULT_BUDGET
from handlers.base import Handler, Tool
from portal.pages.screen import Own, OwnScreen
from portal.pages.seconds import in_ms, in_seconds, limit_in_seconds, told_in_seconds
from portal.pages.server_page import as_written, open_server, own_sources, path_of, show
from portal.pages.servers import chosen_sources
from portal.refusals import Refusal, parse
from portal.texts.catalogue import t
from repositories.servers import Seen
from schemas.servers import ServerWrite, SourceUsePatch

ALL: Final = "all"
CHOSEN: Final = "chosen"

router = APIRouter(prefix="/servers/{server_id}/sources", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Used:
    """A source as the server uses it."""

    link: ServerSource
    source: Source
    handler: Handler[Any] | None
    """None where its kind is no longer installed."""
    tools: Sequence[Tool[Any, Any]]

    @property
    def exposed(self) -> frozenset[str]:
        """Names of the tools that agents see."""
        known = frozenset(tool.name for tool in self.tools)
        return known if self.link.exposed_tools is None else known & frozenset(self.link.exposed_tools)

    @property
    def budget_s(self) -> str:
        """What it may take in one search, in seconds."""
        return limit_in_seconds(self.link.budget_ms) or in_seconds(DEFAULT_BUDGET)


@router.get("")
async def sources_page(server_id: UUID, screen: Own) -> Response:
    seen = await open_server(screen, server_id)
    return show(screen, seen, "sources", {"uses": _uses(screen, seen)})


@router.get("/choose")
async def choose_page(server_id: UUID, screen: Own) -> Response:
    seen = await open_server(screen, server_id, Right.OWN)
    return await _choose_page(screen, seen)


@router.post("/choose")
async def choose(server_id: UUID, screen: Own) -> Response:
    """Sources that stay keep their switches, budgets and tools."""
    seen = await open_server(screen, server_id, Right.OWN)
    try:
        chosen = chosen_sources(screen.typed.all("source_ids"))
        form = parse(ServerWrite, as_written(seen, {"source_ids": chosen}))
        changed = await screen.portal.servers.replace(screen.person, server_id, form)
    except GatehouseError as error:
        return await _choose_page(screen, seen, Refusal.of(error, shown=("source_ids",)))
    return screen.go(path_of(changed, "sources"), t("servers.sources.chosen"))


@router.post("/{source_id}/switch")
async def switch(server_id: UUID, source_id: UUID, screen: Own) -> Response:
    """On or off, by the owner and managers; in place, the answer is its row."""
    await open_server(screen, server_id, Right.EDIT)
    form = SourceUsePatch(enabled=screen.typed.get("enabled") == "on")
    seen = await screen.portal.servers.change_source(screen.person, server_id, source_id, form)
    use = _use(screen, seen, source_id)
    if screen.in_place:
        values = {"seen": seen, "use": use, "may_edit": True, "may_own": seen.role == "owner"}
        return screen.part("server_source_row.html", values)
    said = t("servers.sources.on" if use.link.enabled else "servers.sources.off", name=use.source.name)
    return screen.go(path_of(seen, "sources"), said)


@router.get("/{source_id}")
async def use_page(server_id: UUID, source_id: UUID, screen: Own) -> Response:
    """How much time it has, and which of its tools agents see."""
    seen = await open_server(screen, server_id, Right.OWN)
    use = _use(screen, seen, source_id)
    budget = limit_in_seconds(use.link.budget_ms)
    which = ALL if use.link.exposed_tools is None else CHOSEN
    return _use_page(screen, seen, use, budget, which, use.exposed)


@router.post("/{source_id}")
async def change_use(server_id: UUID, source_id: UUID, screen: Own) -> Response:
    seen, typed = await open_server(screen, server_id, Right.OWN), screen.typed
    use = _use(screen, seen, source_id)
    budget, which, ticked = typed.get("budget_s"), typed.get("which", ALL), typed.all("tools")
    values = {"budget_ms": in_ms(budget), "exposed_tools": None if which == ALL else list(ticked)}
    try:
        form = parse(SourceUsePatch, values)
        changed = await screen.portal.servers.change_source(screen.person, server_id, source_id, form)
    except GatehouseError as error:
        refusal = told_in_seconds(Refusal.of(error, shown=("budget_ms", "exposed_tools")), {"budget_ms": "budget_s"})
        return _use_page(screen, seen, use, budget, which, frozenset(ticked), refusal)
    return screen.go(path_of(changed, "sources"), t("servers.use.done", name=use.source.name))


def _use_page(
    screen: OwnScreen,
    seen: Seen,
    use: Used,
    budget: str,
    which: str,
    ticked: frozenset[str],
    refusal: Refusal | None = None,
) -> Response:
    values = {"use": use, "budget": budget, "which": which, "ticked": ticked, "usual": in_seconds(DEFAULT_BUDGET)}
    return show(screen, seen, "sources", values, refusal, template="server_use.html")


async def _choose_page(screen: OwnScreen, seen: Seen, refusal: Refusal | None = None) -> Response:
    now = [str(source.id) for _, source in seen.sources]
    ticked = frozenset(now if refusal is None else screen.typed.all("source_ids"))
    values = {"sources": await own_sources(screen), "ticked": ticked}
    return show(screen, seen, "sources", values, refusal, template="server_choose.html")


def _uses(screen: OwnScreen, seen: Seen) -> Sequence[Used]:
    tools = screen.portal.servers.tools(seen)
    return [Used(link, source, _handler(screen, source), tools[source.id]) for link, source in seen.sources]


def _use(screen: OwnScreen, seen: Seen, source_id: UUID) -> Used:
    """Raises NotFound for a source that the server does not use."""
    found = next((use for use in _uses(screen, seen) if use.source.id == source_id), None)
    if found is None:
        raise NotFound("This server does not use such a source.")
    return found


def _handler(screen: OwnScreen, source: Source) -> Handler[Any] | None:
    try:
        return screen.portal.registry.get(source.type)
    except NotFound:
        return None
