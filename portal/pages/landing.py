"""The first page, and the steps that lead a new account to its first answer."""

from __future__ import annotations

from fastapi import APIRouter, Response

from portal.pages.screen import Anyone, Own
from repositories.audit import Filters
from repositories.paging import Window

router = APIRouter(include_in_schema=False)

_ONE = Window(limit=1)


@router.get("/")
async def front(screen: Anyone) -> Response:
    """What this is; for those who are signed in, where they go on."""
    if screen.person is None:
        return screen.page("landing.html", {"portal_url": screen.portal.url, "mode": screen.portal.accounts.signup})
    servers = await screen.portal.servers.list_mine(screen.person, _ONE)
    return screen.go("/servers" if servers.items else "/welcome")


@router.get("/welcome")
async def welcome(screen: Own) -> Response:
    """Each step is done or not by what the account holds, so the guide can be left and taken up again."""
    person, portal = screen.person, screen.portal
    sources = await portal.sources.list_mine(person, _ONE)
    servers = await portal.servers.list_mine(person, _ONE)
    calls = await portal.activity.list_mine(person, _ONE, Filters(action="tool.called"))
    tries = await portal.activity.list_mine(person, _ONE, Filters(action="server.tried"))
    server = servers.items[0] if servers.items else None
    done = {
        "source": bool(sources.items),
        "server": server is not None,
        "agent": bool(calls.items),
        "search": bool(tries.items) or bool(calls.items),
    }
    current = next((step for step, is_done in done.items() if not is_done), None)
    return screen.page("welcome.html", {"done": done, "current": current, "server": server})
