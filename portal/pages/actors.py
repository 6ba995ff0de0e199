"""What people call the servers, sources, agents and members of an audit trail, which itself knows only their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from database.models import AuditEvent
from errors import Forbidden, NotFound
from portal.pages.screen import OwnScreen
from portal.texts.catalogue import t
from repositories.figures import AgentFigures
from repositories.paging import Window

_SERVERS: Final = Window(100)
_SOURCES: Final = Window(1_000)
_AT_SERVER: Final = Window(200)


@dataclass(frozen=True, slots=True)
class Names:
    person_id: UUID
    servers: Mapping[UUID, str]
    sources: Mapping[str, str]
    agents: Mapping[UUID, str]
    people: Mapping[UUID, str]
    """Owners and members of the servers, as far as the person may know them."""

    def server(self, id: UUID | None) -> str:
        """Empty for none; a server that was deleted, or is not the person's any more, has no name."""
        if id is None:
            return ""
        return self.servers.get(id) or t("activity.gone", id=str(id)[:8])

    def source(self, key: str) -> str:
        """The key for one that is gone, or that no server of the person uses any more."""
        return self.sources.get(key, key)

    def target(self, text: str) -> str:
        """What something was done to: a source, key, agent or member by its name, anything else as the trail has it."""
        if text in self.sources:
            return self.sources[text]
        try:
            known = UUID(text)
        except ValueError:
            return text
        return self.agents.get(known) or self.people.get(known) or str(known)[:8]

    def actor(self, kind: str, id: UUID | None) -> str:
        if kind == "user" and id == self.person_id:
            return t("activity.actors.you")
        if kind == "user":
            return (self.people.get(id) if id else None) or t("activity.actors.user")
        if kind in ("key", "agent"):
            known = self.agents.get(id) if id else None
            return known or t(f"activity.actors.{kind}", id=str(id)[:8] if id else "")
        return t(f"activity.actors.{kind}")


async def names_for(screen: OwnScreen, events: Sequence[AuditEvent], busy: Sequence[AgentFigures]) -> Names:
    """With the agents and members of the servers that these are about."""
    seen = (await screen.portal.servers.list_mine(screen.person, _SERVERS)).items
    own = (await screen.portal.sources.list_mine(screen.person, _SOURCES)).items
    servers = {one.server.id: one.server.name for one in seen}
    about = [(event.server_id, event.actor, event.action) for event in events]
    about += [(one.server_id, one.actor, "") for one in busy]
    agents_at = {
        server_id
        for server_id, actor, action in about
        if server_id and server_id in servers and (actor in ("key", "agent") or action.startswith(("key.", "grant.")))
    }
    peopled = {event.server_id for event in events if event.server_id in servers and _tells_of_people(screen, event)}
    return Names(
        person_id=screen.person.user_id,
        servers=servers,
        sources={source.key: source.name for source in (*own, *(used for one in seen for _, used in one.sources))},
        agents=await _agents(screen, agents_at),
        people={**{one.server.user_id: one.owner_name for one in seen}, **await _members(screen, peopled)},
    )


def _tells_of_people(screen: OwnScreen, event: AuditEvent) -> bool:
    """Whether somebody else did it, or it was done to somebody."""
    by_another = event.actor == "user" and event.actor_id != screen.person.user_id
    return by_another or event.action.startswith("member.")


async def _agents(screen: OwnScreen, server_ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """Keys and grants that the person may know of: readers see their own only."""
    found: dict[UUID, str] = {}
    for server_id in server_ids:
        with suppress(Forbidden, NotFound):
            grants = await screen.portal.grants.list_at(screen.person, server_id, _AT_SERVER)
            found |= {one.grant.id: one.client.name or one.client.client_id for one in grants.items}
            keys = await screen.portal.keys.list_of(screen.person, server_id, _AT_SERVER)
            found |= {one.key.id: t("activity.actors.named_key", name=one.key.name) for one in keys.items}
    return found


async def _members(screen: OwnScreen, server_ids: Iterable[UUID | None]) -> Mapping[UUID, str]:
    """Only the owner and managers may know who is a member."""
    found: dict[UUID, str] = {}
    for server_id in server_ids:
        if server_id is not None:
            with suppress(Forbidden, NotFound):
                page = await screen.portal.members.list_of(screen.person, server_id, _AT_SERVER)
                found |= {member.user_id: user.name for member, user in page.items}
    return found
