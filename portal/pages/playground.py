"""The playground: a question to a server, what each source did with it, and why the answer is in this order.

With scripts, web/static/playground.js asks the API and shows sources as they finish. Without, the same form comes here
and the page holds the whole answer. Both fill the same pieces of macros/playground.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Response
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel

from errors import GatehouseError, Invalid, NotFound
from federation.directory import DEFAULT_BUDGET, DEFAULT_DEADLINE, ServedServer, ServedSource, served_server
from portal.api import views
from portal.pages.screen import Own, OwnScreen
from portal.pages.seconds import in_seconds
from portal.refusals import Refusal, parse
from portal.texts.catalogue import t, texts
from repositories.paging import Window
from repositories.servers import Seen
from schemas.answers import SearchResult, SourceReport
from schemas.servers import Explanation, TriedSearch, TryFetch, TrySearch

_SERVERS: Final = Window(100)
_LINE: Final = 1_000
"""Units of length that the time line is drawn with."""

router = APIRouter(prefix="/playground", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Lane:
    """One source on the time line; lengths in the line's units."""

    key: str
    name: str
    icon: str
    budget_ms: int
    budget_s: str
    budget: int
    took: int = 0
    report: SourceReport | None = None
    is_kept: bool = False
    """Whether the hits were kept from a search moments before, so that nobody was asked."""

    @property
    def state(self) -> str:
        """A source's status, or `waiting`."""
        return self.report.status.value if self.report else "waiting"


@dataclass(frozen=True, slots=True)
class Answer:
    """A search that is over."""

    tried: TriedSearch
    raw: str

    @property
    def pairs(self) -> Sequence[tuple[SearchResult, Explanation]]:
        """Results, best first, with why."""
        return list(zip(self.tried.results, self.tried.explanations, strict=True))

    @property
    def kept(self) -> str:
        """How many of the sources were not asked again, in a sentence; empty if all were asked."""
        kept, asked = len(self.tried.reused), len(self.tried.sources)
        if not kept:
            return ""
        return t("playground.found.kept_all") if kept == asked else t("playground.found.kept", kept=kept, all=asked)


@router.get("")
async def playground(screen: Own) -> Response:
    return await _page(screen)


@router.post("")
async def search(screen: Own) -> Response:
    """For browsers without scripts: the page again, with the answer."""
    try:
        form = parse(TrySearch, {"query": screen.typed.get("query")})
        if not form.query.strip():
            raise Invalid.field("query", t("playground.needed"))
        server = await screen.portal.servers.served(screen.person, _id_of(screen.typed.get("server")))
        outcome = await screen.portal.tries.search(screen.person, server, form.query)
    except Invalid as error:
        return await _page(screen, refusal=Refusal.of(error, shown=("query",)))
    raw = _as_mcp(outcome.answer, is_error=outcome.all_failed)
    return await _page(screen, answer=Answer(views.tried_search(outcome), raw))


@router.post("/document")
async def document(screen: Own) -> Response:
    """For browsers without scripts: one hit, as an agent reads it."""
    server = await screen.portal.servers.served(screen.person, _id_of(screen.typed.get("server")))
    form = parse(TryFetch, {"id": screen.typed.get("id")})
    refusal, found = None, None
    try:
        found = await screen.portal.tries.fetch(screen.person, server, form.id)
    except GatehouseError as error:
        refusal = Refusal.of(error, shown=())
    values = {
        "server": server,
        "refusal": refusal,
        "document": found,
        "raw": _as_mcp(found) if found else "",
        "is_page": is_page,
    }
    return screen.page("playground_document.html", values, refusal.status if refusal else 200)


async def _page(screen: OwnScreen, *, answer: Answer | None = None, refusal: Refusal | None = None) -> Response:
    servers = (await screen.portal.servers.list_mine(screen.person, _SERVERS)).items
    chosen = await _chosen(screen, servers)
    server = served_server(chosen) if chosen else None
    values = {
        "servers": servers,
        "server": server,
        "lanes": _lanes(screen, server, answer) if server else (),
        "query": screen.typed.get("query"),
        "answer": answer,
        "refusal": refusal,
        "names": {source.key: source.name for source in server.sources} if server else {},
        "icons": {handler.key: handler.icon for handler in screen.portal.registry},
        "is_page": is_page,
        "words": _words(),
        "usual_budget_ms": _ms(DEFAULT_BUDGET),
        "usual_deadline_ms": _ms(DEFAULT_DEADLINE),
    }
    return screen.page("playground.html", values, refusal.status if refusal else 200)


async def _chosen(screen: OwnScreen, servers: Sequence[Seen]) -> Seen | None:
    """The server that was asked for, else the newest. Raises NotFound."""
    given = screen.typed.get("server")
    if not given:
        return servers[0] if servers else None
    wanted = _id_of(given)
    listed = next((seen for seen in servers if seen.server.id == wanted), None)
    return listed or await screen.portal.servers.get(screen.person, wanted)


def _id_of(given: str) -> UUID:
    """Raises NotFound, as for a server that is not there."""
    try:
        return UUID(given)
    except ValueError as error:
        raise NotFound("There is no such server.") from error


def _lanes(screen: OwnScreen, server: ServedServer, answer: Answer | None) -> Sequence[Lane]:
    """The sources that are switched on; the longest budget takes the whole line."""
    told = {report.key: report for report in answer.tried.sources} if answer else {}
    kept = frozenset(answer.tried.reused) if answer else frozenset()
    budgets = {source.key: min(source.budget, server.deadline) for source in server.active_sources}
    longest = max(budgets.values(), default=timedelta(seconds=1))
    lanes = (
        _lane(screen, source, budgets[source.key], longest, told.get(source.key)) for source in server.active_sources
    )
    return [replace(lane, is_kept=lane.key in kept) for lane in lanes]


def _lane(
    screen: OwnScreen, source: ServedSource, budget: timedelta, longest: timedelta, report: SourceReport | None
) -> Lane:
    took = timedelta(milliseconds=report.took_ms if report else 0)
    return Lane(
        key=source.key,
        name=source.name,
        icon=screen.portal.registry.get(source.type).icon,
        budget_ms=_ms(budget),
        budget_s=in_seconds(budget),
        budget=round(_LINE * (budget / longest)),
        took=round(_LINE * min(1, took / longest)),
        report=report,
    )


def _ms(length: timedelta) -> int:
    return round(length / timedelta(milliseconds=1))


def is_page(url: str) -> bool:
    """Whether this, which a source told, may become a link."""
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False


def _as_mcp(answer: BaseModel, *, is_error: bool = False) -> str:
    """The reply to tools/call, as JSON that is laid out to be read."""
    reply = CallToolResult(
        content=[TextContent(type="text", text=answer.model_dump_json(exclude_none=True))],
        structured_content=answer.model_dump(mode="json", exclude_none=True),
        is_error=is_error,
    )
    return reply.model_dump_json(by_alias=True, exclude_none=True, indent=2)


def _words() -> Mapping[str, str]:
    """The page's texts, for the script."""
    return {key.removeprefix("playground."): text for key, text in texts().items() if key.startswith("playground.")}
