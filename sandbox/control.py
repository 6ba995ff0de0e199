"""`/control`: what happened so far, and trouble on demand, for whoever runs the sandbox in another process.

| call | does |
|---|---|
| GET /control | the counters and the faults that hold |
| POST /control/faults {source, kind, route?, times?, retry_after_s?, pace_s?} | adds a fault |
| DELETE /control/faults[?source=] | takes faults back |
| POST /control/tokens/expire {source} | every token of the source is now refused |
| POST /control/secrets/revoke, /control/secrets/restore {source} | the secret stops working, works again |
| DELETE /control/counters | counts from nothing again |
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.admission import Secrets, Tokens
from sandbox.behaviour import Source
from sandbox.faults import Fault, Faults, UnknownFault, kind_named, source_named
from sandbox.traffic import Traffic


def _known_source(name: str) -> str:
    try:
        return source_named(name)
    except UnknownFault as error:
        raise ValueError(str(error)) from error


def _known_kind(kind: str) -> str:
    try:
        return kind_named(kind)
    except UnknownFault as error:
        raise ValueError(str(error)) from error


SourceName = Annotated[str, AfterValidator(_known_source)]


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ForSource(_Order):
    source: SourceName


class _FaultOrder(_ForSource):
    kind: Annotated[str, AfterValidator(_known_kind)]
    route: str | None = None
    times: int | None = Field(None, ge=1)
    retry_after_s: int = Field(1, ge=0)
    pace_s: float = Field(1.0, ge=0)

    def fault(self) -> Fault:
        return Fault(
            source=source_named(self.source),
            kind=kind_named(self.kind),
            route=self.route,
            times=self.times,
            retry_after_s=self.retry_after_s,
            pace_s=self.pace_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The calls of the table above."""

    traffic: Traffic
    faults: Faults
    tokens: Tokens
    secrets: Secrets

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self.report),
                Route("/faults", self.add_fault, methods=["POST"]),
                Route("/faults", self.clear_faults, methods=["DELETE"]),
                Route("/tokens/expire", self.expire_tokens, methods=["POST"]),
                Route("/secrets/revoke", self.revoke_secret, methods=["POST"]),
                Route("/secrets/restore", self.restore_secret, methods=["POST"]),
                Route("/counters", self.clear_counters, methods=["DELETE"]),
            ],
            exception_handlers={ValidationError: _invalid, UnknownFault: _invalid},
        )

    async def report(self, _request: Request) -> Response:
        held = [asdict(fault) for fault in self.faults.held()]
        return JSONResponse({"sources": self.traffic.report(), "faults": held})

    async def add_fault(self, request: Request) -> Response:
        fault = _FaultOrder.model_validate_json(await request.body()).fault()
        self.faults.add(fault)
        return JSONResponse(asdict(fault), status_code=201)

    async def clear_faults(self, request: Request) -> Response:
        named = request.query_params.get("source")
        self.faults.clear(source_named(named) if named else None)
        return Response(status_code=204)

    async def expire_tokens(self, request: Request) -> Response:
        self.tokens.expire(await _source(request))
        return Response(status_code=204)

    async def revoke_secret(self, request: Request) -> Response:
        self.secrets.revoke(await _source(request))
        return Response(status_code=204)

    async def restore_secret(self, request: Request) -> Response:
        self.secrets.restore(await _source(request))
        return Response(status_code=204)

    async def clear_counters(self, _request: Request) -> Response:
        self.traffic.clear()
        return Response(status_code=204)


async def _source(request: Request) -> Source:
    return source_named(_ForSource.model_validate_json(await request.body()).source)


async def _invalid(_request: Request, error: Exception) -> Response:
    if isinstance(error, ValidationError):
        return JSONResponse(
            {"errors": error.errors(include_input=False, include_url=False, include_context=False)}, status_code=422
        )
    return JSONResponse({"errors": [{"msg": str(cast("UnknownFault", error))}]}, status_code=422)
