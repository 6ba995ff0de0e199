"""Sources: all of them with how they do, one of them checked, and one deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Response

from database.models import McpServer, Source
from handlers.base import Handler
from portal.actions.sources import SourceForm
from portal.pages.screen import Own, OwnScreen
from portal.texts.catalogue import t
from repositories.paging import Window
from schemas.sources import CheckResult

BROKEN: Final = ("reconnect", "unavailable")
"""Statuses that wait for their owner; the others pass by themselves."""

_AT_ONCE: Final = 30
_SHOWN_BROKEN: Final = 5
_STATUSES: Final = ("ok", "slow", "reconnect", "unavailable", "paused", "unchecked")
_SAMPLE: Final = "customer_db"
_SAMPLE_SETTINGS: Final = {"url": "sample"}

router = APIRouter(prefix="/sources", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Card:
    """One source as the page shows it."""

    source: Source
    handler: Handler[Any]
    servers: Sequence[McpServer]
    answered_at: datetime | None
    """When it last answered a search, if that was lately."""

    @property
    def message(self) -> str:
        """What is wrong and how to mend it, without the name of the source in front; empty if nothing is."""
        return _unnamed(self.source.name, self.source.status_message or "")


@router.get("")
async def list_sources(screen: Own) -> Response:
    portal, person, typed = screen.portal, screen.person, screen.typed
    words, status = typed.get("q").strip()[:100], typed.get("status")
    statuses = (status,) if status in _STATUSES else ()
    window = Window(_AT_ONCE, typed.get("cursor") or None)
    page = await portal.sources.list_mine(person, window, words=words, statuses=statuses)
    broken = await portal.sources.list_mine(person, Window(_SHOWN_BROKEN), statuses=BROKEN)
    searched = {name: value for name, value in (("q", words), ("status", status)) if value}
    return screen.page(
        "sources.html",
        {
            "cards": await cards(screen, page.items),
            "broken": await cards(screen, broken.items),
            "more_broken": broken.next is not None,
            "words": words,
            "status": status,
            "statuses": _STATUSES,
            "first": f"/sources?{urlencode(searched)}" if window.cursor else "",
            "next": f"/sources?{urlencode({**searched, 'cursor': page.next})}" if page.next else "",
        },
    )


@router.post("/sample")
async def add_sample(screen: Own) -> Response:
    """The built-in customers, connected in one step."""
    form = SourceForm(t("sources.sample_name"), _SAMPLE, _SAMPLE_SETTINGS)
    source = await screen.portal.sources.create(screen.person, form)
    await screen.portal.sources.check(screen.person, source.id)
    return screen.go("/welcome", t("sources.sample_done"))


@router.post("/{source_id}/check")
async def check_source(source_id: UUID, screen: Own) -> Response:
    """Asks it now; in place, the answer is its card."""
    result = await screen.portal.sources.check(screen.person, source_id)
    if not screen.in_place:
        source = await screen.portal.sources.get(screen.person, source_id)
        return screen.go("/sources", told(source.name, result), kind="ok" if result.ok else "bad")
    source = await screen.portal.sources.get(screen.person, source_id)
    return screen.part("source_card.html", {"card": (await cards(screen, [source]))[0], "fresh": True})


@router.get("/{source_id}/delete")
async def delete_page(source_id: UUID, screen: Own) -> Response:
    """Says which servers lose it."""
    source = await screen.portal.sources.get(screen.person, source_id)
    return screen.page("source_delete.html", {"card": (await cards(screen, [source]))[0]})


@router.post("/{source_id}/delete")
async def delete_source(source_id: UUID, screen: Own) -> Response:
    source = await screen.portal.sources.get(screen.person, source_id)
    name = source.name
    await screen.portal.sources.delete(screen.person, source_id)
    return screen.go("/sources", t("sources.deleted", name=name))


async def cards(screen: OwnScreen, sources: Sequence[Source]) -> Sequence[Card]:
    """With the servers that use each, and when it last answered."""
    if not sources:
        return []
    portal = screen.portal
    used = await portal.sources.used_by(screen.person, [source.id for source in sources])
    answers = await portal.activity.last_answers(screen.person)
    return [
        Card(source, portal.registry.get(source.type), used.get(source.id, ()), answers.get(source.key))
        for source in sources
    ]


def told(name: str, result: CheckResult) -> str:
    """How a check went, in a sentence."""
    if result.ok:
        return t("sources.check.connected", name=name, account=result.account or "")
    return t("sources.check.failed", name=name, message=_unnamed(name, result.message or ""))


def _unnamed(name: str, message: str) -> str:
    return message.removeprefix(f"{name}: ")
