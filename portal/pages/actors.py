"""What people call the servers, sources and agents of an audit trail, which itself knows only their ids."""

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
_AT_SERVER: Final = Window(200)


@dataclass(frozen=True, slots=True)
class Names:
    person_id: UUID
    servers: Mapping[UUID, str]
    sources: Mapping[str, str]
    agents: Mapping[UUID, str]

    def server(self, id: UUID | None) -> str:
        """Empty for none; a server that was deleted, or is not the person's any more, has no name."""
        if id is None:
            return ""
        return self.servers.get(id) or t("activity.gone", id=str(id)[:8])

    def source(self, key: str) -> str:
        """The key for one that no server of the person uses any more."""
        return self.sources.get(key, key)

    def target(self, text: str) -> str:
        """What something was done to: a source, key or agent by its name, anything else as the trail has it."""
        if text in self.sources:
            return self.sources[text]
        try:
            known = UUID(text)
        except ValueError:
            return text
        return self.agents.get(known) or str(known)[:8]

    def actor(self, kind: str, id: UUID | None) -> str:
        if kind == "user":
            return t("activity.actors.you" if id == self.person_id else "activity.actors.user")
        if kind in ("key", "agent"):
            known = self.agents.get(id) if id else None
            return known or t(f"activity.actors.{kind}", id=str(id)[:8] if id else "")
        return t(f"activity.actors.{kind}")


async def names_for(screen: OwnScreen, events: Sequence[AuditEvent], busy: Sequence[AgentFigures]) -> Names:
    """With the agents of the servers that these are about."""
    seen = (await screen.portal.servers.list_mine(screen.person, _SERVERS)).items
    servers = {one.server.id: one.server.name for one in seen}
    about = [(event.server_id, event.actor, event.action) for event in events]
    about += [(one.server_id, one.actor, "") for one in busy]
    agents_at = {
        server_id
        for server_id, actor, action in about
        if server_id and server_id in servers and (actor in ("key", "agent") or action.startswith(("key.", "grant.")))
    }
    return Names(
        person_id=screen.person.user_id,
        servers=servers,
        sources={source.key: source.name for one in seen for _, source in one.sources},
        agents=await _agents(screen, agents_at),
    )


async def _agents(screen: OwnScreen, server_ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """Keys and grants that the person may know of: readers see their own only."""
    found: dict[UUID, str] = {}
    for server_id in server_ids:
        with suppress(Forbidden, NotFound):
            grants = await screen.portal.grants.list_at(screen.person, server_id, _AT_SERVER)
            found |= {one.grant.id: one.client.name or one.client.client_id for one in grants.items}
            keys = await screen.portal.keys.list_of(screen.person, server_id, _AT_SERVER)
            found |= {key.id: t("activity.actors.named_key", name=key.name) for key in keys.items}
    return found
