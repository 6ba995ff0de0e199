"""GET /metrics, in the text format of Prometheus, for the operator alone.

There is no such path unless METRICS_TOKEN is set: behind a proxy on the same machine every caller seems to come from
loopback, so an address proves nothing. With it, the path answers on any host, so that each process can be asked at its
own port; whoever does not bring the token learns nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from errors import Unauthenticated
from web.edge import ROUTE
from web.problems import error_response

_BEARER = b"bearer "


def metrics_apps(registry: CollectorRegistry, token: str) -> dict[str, ASGIApp]:
    """Path to application; empty without a token."""
    if not token:
        return {}

    async def metrics(scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = scope["path"]
        await _answer(Request(scope), registry, token.encode())(scope, receive, send)

    return {"/metrics": metrics}


def add_process_figures(registry: CollectorRegistry, shed: Callable[[], int]) -> None:
    """Memory, processor time and open files of this process, and how many requests it has turned away."""
    ProcessCollector(registry=registry)
    registry.register(_Shed(shed))


class _Shed(Collector):
    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(
            "gatehouse_requests_shed", "Requests turned away because there were too many.", value=self._count()
        )


def _answer(request: Request, registry: CollectorRegistry, token: bytes) -> Response:
    if request.method not in ("GET", "HEAD"):
        return Response(status_code=405, headers={"Allow": "GET, HEAD"})
    given = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if len(given) != 1 or given[0][:7].lower() != _BEARER or not secrets.compare_digest(given[0][7:].strip(), token):
        refusal = error_response(request, Unauthenticated("Send the token of METRICS_TOKEN as a bearer token."))
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
