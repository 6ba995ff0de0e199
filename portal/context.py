"""Everything the portal's routes use, built once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from auth.access import Doorkeeper
from federation.federation import Federation
from handlers.registry import Registry
from portal.actions.accounts import Accounts
from portal.actions.activity import ActivityActions
from portal.actions.checks import HealthChecks
from portal.actions.keys import KeyActions
from portal.actions.links import Links
from portal.actions.servers import ServerActions
from portal.actions.sessions import SessionActions
from portal.actions.sources import SourceActions


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    url: str
    version: str
    registry: Registry
    doorkeeper: Doorkeeper
    federation: Federation
    accounts: Accounts
    sessions: SessionActions
    links: Links
    sources: SourceActions
    servers: ServerActions
    keys: KeyActions
    activity: ActivityActions
    checks: HealthChecks

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it over https."""
        return self.url.startswith("https://")
