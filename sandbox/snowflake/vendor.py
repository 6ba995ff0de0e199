"""Snowflake's routes, all behind the same token.

Sources: "SQL API reference", "Query a Cortex Search service", "Cortex Analyst REST API", "Using programmatic access
tokens" (Snowflake docs).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.admission import Grant, Secrets
from sandbox.behaviour import Behaviour, Clock
from sandbox.snowflake.analyst import Analyst
from sandbox.snowflake.cortex_search import CortexSearch
from sandbox.snowflake.errors import refusal, refuse
from sandbox.snowflake.statements import Statements
from sandbox.snowflake.warehouse import Warehouse
from sandbox.vendor import Vendor, bearer_token, remember_grant
from sandbox.world import World

_PAT: Final = "PROGRAMMATIC_ACCESS_TOKEN"
_LIFETIME: Final = timedelta(days=15)


def snowflake_vendor(world: World, *, secrets: Secrets, clock: Clock, behaviour: Behaviour) -> Vendor:
    known = world.credentials.snowflake
    statements = Statements(Warehouse(world, clock), behaviour, clock, known)
    search, analyst = CortexSearch(world), Analyst(world)

    @contextmanager
    def admit(request: Request, route: str) -> Iterator[None]:
        """The SQL API and Cortex Search guess what kind of token it is; Analyst takes it for OAuth unless told."""
        if not request.headers.get("user-agent"):
            raise refusal(400, "391902", "The User-Agent header is required.")
        token = bearer_token(request)
        kind = request.headers.get("x-snowflake-authorization-token-type", "" if route == "analyst" else _PAT)
        if token == known.pat_without_policy and kind == _PAT:
            raise refusal(401, "390432", "Fail : Network policy is required.")
        if token != known.pat or kind != _PAT or not secrets.works("snowflake"):
            raise refusal(401, "390303", "Invalid OAuth access token. The access token is not valid.")
        expires_at = datetime.now(UTC) + _LIFETIME
        remember_grant(request, Grant(app=known.user, subject=known.user, scope=known.role, expires_at=expires_at))
        yield

    services = "/api/v2/databases/{database}/schemas/{schema}/cortex-search-services"
    routes = (
        Route("/api/v2/statements", statements.submit, methods=["POST"], name="statements"),
        Route("/api/v2/statements/{handle}", statements.status, name="statement"),
        Route("/api/v2/statements/{handle}/cancel", statements.cancel, methods=["POST"], name="cancel"),
        Route(services, search.list_services, name="services"),
        Route(services + "/{name}:query", search.query, methods=["POST"], name="search"),
        Route(services + "/{name}", search.describe, name="service"),
        Route("/api/v2/cortex/analyst/message", analyst.message, methods=["POST"], name="analyst"),
    )
    return Vendor(source="snowflake", routes=routes, admit=admit, refuse=refuse)
