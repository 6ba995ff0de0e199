"""All sources of a server as one: search, fetch and the sources' other tools."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from uuid import UUID

from pydantic import BaseModel, ValidationError

from errors import Invalid, NotFound, SourceError
from federation.answers import (
    fetch_answer,
    presentable_document,
    search_answer,
    size_of_document,
    size_of_hits,
    size_of_texts,
)
from federation.calls import LONGEST_DEADLINE, Calls, only_our_errors
from federation.connections import Connections
from federation.directory import ServedServer, ServedSource
from federation.fanout import Outcome, ask_all, report_of
from federation.health import Health
from federation.metrics import Metrics
from federation.peeking import Peeking
from federation.protection.reuse import Question
from federation.ranking.merging import Candidates
from federation.ranking.ranking import Ranked, is_light, rank
from federation.reranking import Reranker, Reranking
from federation.shared import SharedAnswers
from handlers.base import (
    Browsable,
    Document,
    Handler,
    Hit,
    Resource,
    ResourcePage,
    SearchQuery,
    Source,
    SourceConfig,
    Tool,
)
from schemas.answers import FetchAnswer, SearchAnswer, SourceReport, SourceStatus
from schemas.fields import explain, without_controls

LONGEST_QUERY: Final = 1_000
LONGEST_ID: Final = 2_048
CALL_DEADLINE: Final = timedelta(seconds=20)
"""For fetch, and for the sources' own tools unless they declare another."""
ANSWER_REUSE: Final = timedelta(seconds=30)

_DEPTH: Final = 50
"""How many hits each source is asked for: merging needs more than are shown."""

AnswerT = TypeVar("AnswerT")

OnReport = Callable[[SourceReport, int, int], Awaitable[None]]
"""Called as each source finishes, with its report, how many have finished and how many there are."""


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """The answer, and why it is as it is."""

    answer: SearchAnswer
    ranked: Sequence[Ranked]
    """The places of each result, in the same order."""
    took_ms: int
    reused: frozenset[str] = frozenset()
    """Keys of the sources whose hits were kept from a moment ago."""
    reranking: Reranking = Reranking.OFF

    @property
    def all_failed(self) -> bool:
        """Whether there were sources and none of them answered."""
        reports = self.answer.sources
        return bool(reports) and all(report.status is not SourceStatus.OK for report in reports)


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A source's tool under the name agents see."""

    name: str
    served: ServedSource
    tool: Tool[Any, Any]


@dataclass(frozen=True, slots=True)
class OfferedResource:
    """A source's resource under the address agents read it by."""

    uri: str
    source: str
    resource: Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceText:
    """One page of a resource, as JSON text."""

    uri: str
    text: str
    next_uri: str | None


class Federation:
    """Searches and documents are shared: who asks a server the same as somebody else is asking now, or has asked within
    `reuse`, gets the same answer, without another request to the source. Both, because agents repeat both: they fetch
    the same few documents in each step of a longer task, and a document is the dearest thing to ask for."""

    def __init__(
        self,
        connections: Connections,
        health: Health,
        metrics: Metrics | None = None,
        *,
        reuse: timedelta = ANSWER_REUSE,
        reranker: Reranker | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` is in seconds and never goes back."""
        self._connections = connections
        self._health = health
        self._metrics = metrics or Metrics()
        self._calls = Calls(connections, self._metrics, now)
        self._searches = SharedAnswers[Sequence[Hit]](self._calls, self._metrics, reuse, size_of_hits, now)
        self._documents = SharedAnswers[Document](self._calls, self._metrics, reuse, size_of_document, now)
        self._texts = SharedAnswers[Mapping[str, str]](self._calls, self._metrics, reuse, size_of_texts, now)
        self._peeking = Peeking(connections, self._texts)
        self._reranker = reranker
        connections.when_retired(self._drop_answers)

    async def aclose(self) -> None:
        """Ends what is under way; before the connections are closed."""
        await self._calls.aclose()

    def keep_house(self) -> None:
        """Lets go of what is too old to be given out. Called every second."""
        self._searches.kept.drop_expired()
        self._documents.kept.drop_expired()
        self._texts.kept.drop_expired()

    async def search(self, server: ServedServer, text: str, on_report: OnReport | None = None) -> SearchOutcome:
        """Asks every source that is switched on. A source that fails is named in the answer, which is given all the
        same. Raises Invalid for a query that is too long."""
        started = time.monotonic()
        query = _query(text, server.results)
        sources = server.active_sources if query.text else ()
        outcomes: list[Outcome] = []
        async with aclosing(ask_all(self._searches, self._peeking, server, sources, query)) as finishing:
            async for outcome in finishing:
                outcomes.append(outcome)
                if not outcome.reused:
                    self._note(outcome.served, outcome.report, min(outcome.served.budget, server.deadline))
                if on_report is not None:
                    await on_report(outcome.report, len(outcomes), len(sources))
        ranked = await _ranked(query.text, outcomes, server.results)
        time_left = server.deadline - timedelta(seconds=time.monotonic() - started)
        ranked, reranking = await self._reranked(server, query.text, ranked, time_left)
        answer = search_answer(ranked, [outcome.report for outcome in outcomes])
        took_s = time.monotonic() - started
        self._metrics.searched(took_s)
        reused = frozenset(outcome.served.key for outcome in outcomes if outcome.reused)
        return SearchOutcome(answer, ranked, round(took_s * 1000), reused, reranking)

    async def fetch(self, server: ServedServer, id: str) -> FetchAnswer:
        """The document behind an id that search gave. Raises NotFound for every other id, and SourceError."""
        served, native = _locate(server, id)

        async def fetch(source: Source) -> Document:
            return presentable_document(await source.fetch(native))

        question = Question(server.assignment_id, served.id, served.version, native)
        try:
            with self._watched(served, CALL_DEADLINE) as watch:
                shared = await self._documents.get(question, served, fetch, CALL_DEADLINE)
                watch.reused = shared.reused
        except NotFound:
            raise _no_such_document() from None
        return fetch_answer(id, served.name, shared.answer)

    async def check(self, served: ServedSource) -> str:
        """The name of the account a saved source is connected to. A paused source is asked too: whoever has mended it
        need not wait. Raises SourceError."""
        try:
            return await self._calls.run(served, lambda source: source.check(), CALL_DEADLINE, even_if_paused=True)
        except SourceError as error:
            raise error.named(served.name) from error

    async def try_out(self, handler: Handler[Any], config: SourceConfig) -> str:
        """The same for settings that are not saved."""

        async def check() -> str:
            async with self._connections.trying(handler, config) as source:
                return await source.check()

        return await self._calls.within(CALL_DEADLINE, handler.title, check())

    def tools(self, server: ServedServer, *, may_write: bool) -> Sequence[OfferedTool]:
        """The other tools of the server's sources, by name. A source whose settings cannot be read offers none."""
        offered: list[OfferedTool] = []
        for served in server.active_sources:
            try:
                with only_our_errors(served.name):
                    tools = self._connections.tools(served)
            except SourceError:
                continue
            offered += [
                OfferedTool(f"{served.key}_{tool.name}", served, tool)
                for tool in tools
                if (served.exposed_tools is None or tool.name in served.exposed_tools)
                and (may_write or tool.hints.read_only)
            ]
        return sorted(offered, key=lambda offer: offer.name)

    async def call(self, offer: OfferedTool, arguments: Mapping[str, Any]) -> BaseModel:
        """Runs a tool; one that writes makes void what its source has answered before. Raises Invalid for arguments
        that do not fit, NotFound, Conflict and SourceError."""
        try:
            parsed = offer.tool.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            raise Invalid(f"These arguments do not fit: {explain(error)}") from None

        async def run(source: Source) -> BaseModel:
            answer: BaseModel = await offer.tool.run(source, parsed)
            return answer

        try:
            return await self._call(offer.served, run, min(offer.tool.deadline or CALL_DEADLINE, LONGEST_DEADLINE))
        finally:
            if not offer.tool.hints.read_only:  # also after an error: something may have been written all the same
                self._drop_answers(offer.served.id)

    async def resources(self, server: ServedServer) -> Sequence[OfferedResource]:
        """What can be read by address, by address. A source that does not answer offers none now."""
        browsable = [served for served in server.active_sources if self._scheme(served) is not None]
        listed = await asyncio.gather(*(self._resources_of(served) for served in browsable))
        return sorted((offer for offers in listed for offer in offers), key=lambda offer: offer.uri)

    async def read(self, server: ServedServer, uri: str) -> ResourceText:
        """One page of a resource. Raises NotFound for every address that `resources` does not lead to."""
        try:
            parts = urlsplit(uri)
        except ValueError:
            raise _no_such_resource() from None
        served = next((source for source in server.active_sources if source.key == parts.netloc), None)
        if served is None or parts.fragment or len(uri) > LONGEST_ID or parts.scheme != self._scheme(served):
            raise _no_such_resource()
        cursor = dict(parse_qsl(parts.query)).get("cursor")

        async def read(source: Source) -> ResourcePage:
            if not isinstance(source, Browsable):
                raise _no_such_resource()
            return await source.read(unquote(parts.path.removeprefix("/")), cursor)

        page = await self._call(served, read)
        following = None if page.next is None else parts._replace(query=urlencode({"cursor": page.next})).geturl()
        return ResourceText(uri=uri, text=page.text, next_uri=following)

    async def _reranked(
        self, server: ServedServer, question: str, ranked: Sequence[Ranked], time_left: timedelta
    ) -> tuple[Sequence[Ranked], Reranking]:
        if not server.rerank:
            return ranked, Reranking.OFF
        if self._reranker is None:
            return ranked, Reranking.NOT_SET_UP
        reranked = await self._reranker.rerank(question, ranked, time_left)
        return reranked.ranked, reranked.outcome

    async def _resources_of(self, served: ServedSource) -> Sequence[OfferedResource]:
        async def browse(source: Source) -> Sequence[Resource]:
            return await source.resources() if isinstance(source, Browsable) else ()

        try:
            found = await self._call(served, browse)
        except SourceError:
            return ()
        base = f"{self._scheme(served)}://{served.key}/"
        return [OfferedResource(base + quote(resource.path), served.name, resource) for resource in found]

    def _scheme(self, served: ServedSource) -> str | None:
        try:
            return self._connections.handler(served).scheme
        except SourceError:
            return None

    async def _call(
        self, served: ServedSource, ask: Callable[[Source], Awaitable[AnswerT]], deadline: timedelta | None = None
    ) -> AnswerT:
        deadline = deadline or CALL_DEADLINE
        with self._watched(served, deadline):
            return await self._calls.run(served, ask, deadline)

    @contextmanager
    def _watched(self, served: ServedSource, budget: timedelta) -> Iterator[_Watch]:
        """Notes how the call inside went, and names the source in its error."""
        started = time.monotonic()
        watch = _Watch()
        try:
            yield watch
        except SourceError as error:
            self._note(served, report_of(served, started, error=error), budget)
            raise error.named(served.name) from error
        if not watch.reused:
            self._note(served, report_of(served, started), budget)

    def _note(self, served: ServedSource, report: SourceReport, budget: timedelta) -> None:
        """For the metrics as it was; for the owner as paused if this was the failure that opened the breaker."""
        self._metrics.called(served.type, report.status, report.took_ms / 1000)
        if report.status is not SourceStatus.OK and self._calls.is_paused(served):
            report = report.model_copy(update={"status": SourceStatus.PAUSED})
        self._health.note(served, report, budget)

    def _drop_answers(self, source_id: UUID) -> None:
        self._searches.drop(source_id)
        self._documents.drop(source_id)
        self._texts.drop(source_id)


@dataclass(slots=True)
class _Watch:
    reused: bool = False
    """Set where the source was not asked: nothing new is known of it then."""


async def _ranked(question: str, outcomes: Sequence[Outcome], limit: int) -> Sequence[Ranked]:
    lists = [Candidates(outcome.served.key, outcome.hits, outcome.peeked) for outcome in outcomes]
    if is_light(lists):
        return rank(question, lists, limit)
    return await asyncio.to_thread(rank, question, lists, limit)


def _query(text: str, results: int) -> SearchQuery:
    words = without_controls(text).encode("utf-8", "replace").decode().strip()
    if len(words) > LONGEST_QUERY:
        raise Invalid(f"The query is too long: at most {LONGEST_QUERY:,} characters.")
    return SearchQuery(text=words, limit=max(_DEPTH, results))


def _locate(server: ServedServer, id: str) -> tuple[ServedSource, str]:
    """The source an id belongs to, among those of this server alone, and its own id there."""
    key, colon, native = id.partition(":")
    served = next((source for source in server.active_sources if source.key == key), None)
    if served is None or not colon or not native or len(id) > LONGEST_ID or without_controls(native) != native:
        raise _no_such_document()
    return served, native


def _no_such_resource() -> NotFound:
    return NotFound("There is no such resource.")


def _no_such_document() -> NotFound:
    """The same words whatever the reason, so that ids of others cannot be told from ids of nobody."""
    return NotFound("There is no document with this id. Use an id exactly as search returned it.")
