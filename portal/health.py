"""Health checks that answer on any host: /health, /healthz (the process lives) and /readyz (it can serve)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.actions.checks import HealthChecks
from web.edge import ROUTE


def health_apps(checks: HealthChecks) -> dict[str, ASGIApp]:
    """Path to application."""

    async def report() -> Response:
        seen = await checks.look()
        return JSONResponse(seen.model_dump(), 200 if seen.status == "ok" else 503)

    async def health(scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = scope["path"]
        await _answered(Request(scope), await report())(scope, receive, send)

    async def alive(scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = scope["path"]
        await _answered(Request(scope), PlainTextResponse("ok\n"))(scope, receive, send)

    return {"/health": health, "/healthz": alive, "/readyz": health}


def _answered(request: Request, response: Response) -> Response:
    if request.method not in ("GET", "HEAD"):
        return Response(status_code=405, headers={"Allow": "GET, HEAD"})
    response.headers["Cache-Control"] = "no-store"
    return response
