"""What the pages of one server have in common: who gets in, the places within, and how a refused form comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from fastapi import Response

from auth.rights import Right, may_edit, may_own, require
from database.models import Source
from portal.pages.screen import OwnScreen
from portal.refusals import Refusal
from portal.texts.catalogue import t
from repositories.paging import Window
from repositories.servers import Seen
from schemas.members import Role
from schemas.servers import ServerWrite

Place = Literal["connect", "sources", "agents", "members", "keys", "settings"]

_AT_ONCE: Final = 50
_MOST_SOURCES: Final = 1_000
_SUBPATHS: Final[Mapping[Place, str]] = {
    "connect": "",
    "sources": "/sources",
    "agents": "/agents",
    "members": "/members",
    "keys": "/keys",
    "settings": "/settings",
}
_EDITORS: Final = frozenset({"members", "keys", "settings"})


@dataclass(frozen=True, slots=True)
class Tab:
    """A link to one of the server's places."""

    path: str
    name: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list, and the addresses of the parts around it; empty where there is none."""

    window: Window
    path: str

    @classmethod
    def of(cls, screen: OwnScreen, path: str) -> Part:
        """The part that the address asks for."""
        return cls(
            Window(_AT_ONCE, screen.typed.get("cursor") or None if screen.request.method == "GET" else None), path
        )

    def links(self, cursor: str | None) -> dict[str, str]:
        """`first` and `next` for the pager."""
        return {
            "first": self.path if self.window.cursor else "",
            "next": f"{self.path}?cursor={cursor}" if cursor else "",
        }


async def open_server(screen: OwnScreen, server_id: UUID, right: Right = Right.USE) -> Seen:
    """The server, for who has this right. Raises NotFound for strangers and Forbidden for the other members, before
    anything of a form is looked at."""
    seen = await screen.portal.servers.get(screen.person, server_id)
    require(seen.role, right)
    return seen


def path_of(seen: Seen, place: Place = "connect") -> str:
    return f"/servers/{seen.server.id}{_SUBPATHS[place]}"


def url_of(seen: Seen) -> str:
    """What is given to agents."""
    return f"{seen.assignment.url}/mcp"


def show(
    screen: OwnScreen,
    seen: Seen,
    place: Place,
    values: Mapping[str, Any],
    refusal: Refusal | None = None,
    *,
    template: str = "",
) -> Response:
    """One of the server's places, with the status of the form that was refused."""
    shared = {
        "seen": seen,
        "server": seen.server,
        "url": url_of(seen),
        "serving": screen.portal.servers.is_in_pool(seen),
        "may_edit": may_edit(seen.role),
        "may_own": may_own(seen.role),
        "tabs": _tabs(seen, place),
        "refusal": refusal,
    }
    return screen.page(template or f"server_{place}.html", {**shared, **values}, refusal.status if refusal else 200)


def as_written(seen: Seen, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What a form about a part of the server sends on: the rest as it is now, with these changes."""
    server = seen.server
    now = {name: getattr(server, name) for name in ServerWrite.model_fields if name != "source_ids"}
    return {**now, "source_ids": [source.id for _, source in seen.sources], **changes}


async def own_sources(screen: OwnScreen) -> Sequence[Source]:
    """All that the person may tick, by name."""
    page = await screen.portal.sources.list_mine(screen.person, Window(_MOST_SOURCES))
    return sorted(page.items, key=lambda source: (source.name.casefold(), source.id))


def is_place_of(role: Role, place: Place) -> bool:
    """Whether somebody with this role finds anything there."""
    return may_edit(role) or place not in _EDITORS


def _tabs(seen: Seen, here: Place) -> Sequence[Tab]:
    return [
        Tab(path_of(seen, place), t(f"servers.tabs.{place}"), place == here)
        for place in _SUBPATHS
        if is_place_of(seen.role, place)
    ]
