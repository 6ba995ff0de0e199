"""Every route of the portal, found in the application itself: a new one cannot be forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette

from tests.stand import Stand


def routes(gatehouse: Stand) -> set[tuple[str, str]]:
    """Method and path, the latter with its parameters in braces."""
    return {
        (method, context.path)
        for app in _applications(gatehouse.gatehouse.app, set())
        for context in iter_route_contexts(app.routes)
        if context.path is not None
        for method in context.methods or {"GET"}
    }


def _applications(app: object, seen: set[int]) -> Iterator[Starlette]:
    """Those with routes, in whatever they are wrapped."""
    if id(app) in seen or not hasattr(app, "__dict__"):
        return
    seen.add(id(app))
    if isinstance(app, Starlette):
        yield app
        return
    for part in vars(app).values():
        for one in part.values() if isinstance(part, dict) else [part]:
            if callable(one):
                yield from _applications(one, seen)
