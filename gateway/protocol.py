"""The MCP server that all gateways share. Each request carries its own server, put into the ASGI scope at the door."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    DiscoverResult,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    RequestParams,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel
from starlette.requests import Request

from auth.audit import AuditTrail, Event
from errors import GatehouseError, Invalid, NotFound
from federation.federation import Federation, OfferedResource, OfferedTool, SearchOutcome
from gateway.door import VISIT, Visit
from gateway.tools import listed
from gateway.widening import needs_more
from schemas.answers import SourceReport
from web.shedding import PLACE, Place

Context = ServerRequestContext[Any, Request]

_TTL_MS: Final = 60_000
_NAMED_SOURCES: Final = 420
"""Characters that the names of the sources may take, so that they stand within the first 512."""

_MIME: Final = "application/json"


class Protocol:
    """Answers every MCP request at the gateways, in both protocol eras with the same tools."""

    def __init__(self, federation: Federation, audit: AuditTrail, version: str) -> None:
        self._federation = federation
        self._audit = audit
        self.server: Server[Any] = Server(
            "gatehouse",
            version=version,
            title="Gatehouse",
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
            # No input of ours is mirrored in a header. Without an answer here the SDK would list all tools per call.
            get_tool_input_schema=lambda _name: None,
        )
        self.server.middleware[:] = [self._instruct]
        self.server.add_request_handler("server/discover", RequestParams, self._discover)

    async def _instruct(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Gives the handshake's reply the instructions of the server that was asked."""
        result = await call_next(ctx)
        if ctx.method == "initialize" and isinstance(result, dict):
            return {**result, "instructions": instructions(_visit(ctx))}
        return result

    async def _discover(self, ctx: Context, params: RequestParams) -> DiscoverResult:
        return DiscoverResult(
            supported_versions=list(MODERN_PROTOCOL_VERSIONS),
            capabilities=self.server.get_capabilities(protocol_version=ctx.protocol_version),
            instructions=instructions(_visit(ctx)),
            ttl_ms=_TTL_MS,
            cache_scope="private",
        )

    async def _list_tools(self, ctx: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        offers = self._offers(_visit(ctx))
        return ListToolsResult(tools=listed(offers), ttl_ms=_TTL_MS, cache_scope="private")

    async def _call_tool(self, ctx: Context, params: CallToolRequestParams) -> CallToolResult:
        """Whatever goes wrong with a known tool is told to the model, as a result that says so."""
        record = _Record(self._audit, _visit(ctx), params.name)
        arguments = params.arguments or {}
        try:
            with _waiting(ctx):
                match params.name:
                    case "search":
                        result = await self._search(ctx, _only(arguments, "query"), record)
                    case "fetch":
                        result = _result(await self._federation.fetch(record.visit.server, _only(arguments, "id")))
                    case _:
                        result = await self._call_source_tool(record.visit, params.name, arguments)
        except GatehouseError as error:
            record.write(error.code)
            return CallToolResult(content=[TextContent(type="text", text=error.message)], is_error=True)
        except asyncio.CancelledError:
            record.write("cancelled")
            raise
        record.write("failed" if result.is_error else "ok")
        return result

    async def _search(self, ctx: Context, query: str, record: _Record) -> CallToolResult:
        async def report(source: SourceReport, finished: int, of: int) -> None:
            found = f"{source.results} results" if source.status == "ok" else source.status
            await ctx.session.report_progress(finished, of, f"{source.source}: {found} in {source.took_ms} ms")

        outcome = await self._federation.search(record.visit.server, query, report)
        record.searched(outcome)
        return _result(outcome.answer, is_error=outcome.all_failed)

    async def _call_source_tool(self, visit: Visit, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        offer = next((offer for offer in self._offers(visit) if offer.name == name), None)
        if offer is None:
            raise MCPError(INVALID_PARAMS, "Unknown tool. tools/list names the tools of this server.")
        if not (offer.tool.hints.read_only or visit.agent.may_write):
            return needs_more(visit)
        return _result(await self._federation.call(offer, arguments))

    def _offers(self, visit: Visit) -> Sequence[OfferedTool]:
        """The sources' tools, also those that the agent could be allowed to use."""
        agent = visit.agent
        return self._federation.tools(visit.server, may_write=agent.may_write or agent.may_widen)

    async def _list_resources(self, ctx: Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
        resources = [
            Resource(
                uri=offer.uri,
                name=offer.uri,
                title=f"{offer.resource.title} ({offer.source})",
                description=offer.resource.description,
                mime_type=_MIME,
            )
            for offer in await self._resources(ctx)
        ]
        return ListResourcesResult(resources=resources, ttl_ms=_TTL_MS, cache_scope="private")

    async def _list_templates(self, ctx: Context, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        templates = [
            ResourceTemplate(
                uri_template=f"{offer.uri}{{?cursor}}",
                name=f"{offer.uri}?cursor",
                title=f"{offer.resource.title} ({offer.source}), page by page",
                description=offer.resource.description,
                mime_type=_MIME,
            )
            for offer in await self._resources(ctx)
        ]
        return ListResourceTemplatesResult(resource_templates=templates, ttl_ms=_TTL_MS, cache_scope="private")

    async def _resources(self, ctx: Context) -> Sequence[OfferedResource]:
        with _waiting(ctx):
            return await self._federation.resources(_visit(ctx).server)

    async def _read_resource(self, ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        record = _Record(self._audit, _visit(ctx), "resources/read")
        try:
            with _waiting(ctx):
                page = await self._federation.read(record.visit.server, params.uri)
        except (NotFound, Invalid) as error:
            record.write(error.code)
            raise MCPError(INVALID_PARAMS, error.message, {"uri": params.uri}) from error
        except GatehouseError as error:
            record.write(error.code)
            raise MCPError(INTERNAL_ERROR, error.message) from error
        record.write("ok")
        meta = None if page.next_uri is None else {"next": page.next_uri}
        contents = TextResourceContents(uri=page.uri, mime_type=_MIME, text=page.text, _meta=meta)
        return ReadResourceResult(contents=[contents], ttl_ms=0, cache_scope="private")

    async def _list_prompts(self, ctx: Context, params: PaginatedRequestParams | None) -> ListPromptsResult:
        """None: some clients ask for every kind of list, and take an error for a broken server."""
        return ListPromptsResult(prompts=[], ttl_ms=_TTL_MS, cache_scope="private")

    async def _get_prompt(self, ctx: Context, params: GetPromptRequestParams) -> GetPromptResult:
        raise MCPError(INVALID_PARAMS, "There is no such prompt.")


def instructions(visit: Visit) -> str:
    """What a client shows its model about the server: the sources first, because some read 512 characters only."""
    names: list[str] = []
    for source in visit.server.active_sources:
        if len(", ".join([*names, source.name])) > _NAMED_SOURCES:
            names.append("and more")
            break
        names.append(source.name)
    sources = ", ".join(names) or "no source yet"
    told = f"Search here covers: {sources}. Use search, then fetch the ids it returns, and cite their urls."
    return f"{told}\n\n{visit.server.instructions}" if visit.server.instructions else told


class _Record:
    """One line of the audit trail, written once the call has ended."""

    def __init__(self, audit: AuditTrail, visit: Visit, tool: str) -> None:
        self.visit = visit
        self._audit = audit
        self._tool = tool
        self._started = time.monotonic()
        self._results: int | None = None
        self._sources: Sequence[Mapping[str, Any]] | None = None

    def searched(self, outcome: SearchOutcome) -> None:
        self._results = len(outcome.answer.results)
        self._sources = [
            {
                "key": report.key,
                "status": report.status.value,
                "results": report.results,
                "took_ms": report.took_ms,
                **({"reused": True} if report.key in outcome.reused else {}),
            }
            for report in outcome.answer.sources
        ]

    def write(self, outcome: str) -> None:
        server, agent = self.visit.server, self.visit.agent
        event = Event(
            user_id=server.owner_id,
            actor=agent.actor,
            actor_id=agent.actor_id,
            action="tool.called",
            server_id=server.id,
            target=self._tool[:80],
            outcome=outcome,
            took_ms=round((time.monotonic() - self._started) * 1000),
            results=self._results,
            sources=self._sources,
            address=self.visit.address,
            agent=self.visit.client,
        )
        self._audit.record(event)
        if agent.user_id not in (None, server.owner_id):  # a member's agent stands in the member's own trail as well
            self._audit.record(replace(event, user_id=agent.user_id))


def _visit(ctx: Context) -> Visit:
    if ctx.request is None:
        raise RuntimeError("an MCP request without its HTTP request")
    visit: Visit = ctx.request.scope[VISIT]
    return visit


def _waiting(ctx: Context) -> AbstractContextManager[None]:
    """To be entered while sources are asked: nobody is turned away for requests that wait."""
    if ctx.request is None:
        raise RuntimeError("an MCP request without its HTTP request")
    place: Place = ctx.request.scope[PLACE]
    return place.waiting()


def _only(arguments: Mapping[str, Any], name: str) -> str:
    """The one string argument that search and fetch take."""
    value = arguments.get(name)
    if set(arguments) != {name} or not isinstance(value, str):
        raise Invalid(f'Give exactly one argument, "{name}", a string.')
    return value


def _result(answer: BaseModel, *, is_error: bool = False) -> CallToolResult:
    """The answer as structured content and, for clients that know only text, the same as JSON."""
    content = TextContent(type="text", text=answer.model_dump_json(exclude_none=True))
    structured = answer.model_dump(mode="json", exclude_none=True)
    return CallToolResult(content=[content], structured_content=structured, is_error=is_error)
