"""Everything the portal's routes use, built once by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from auth.access import Doorkeeper
from auth.oauth.clients import Clients
from auth.oauth.consents import Consents
from auth.oauth.issuing import Issuing
from auth.rates import Rates
from auth.signatures import Signatures
from federation.federation import Federation
from handlers.registry import Registry
from portal.actions.accounts import Accounts
from portal.actions.activity import ActivityActions
from portal.actions.checks import HealthChecks
from portal.actions.exports import Exports
from portal.actions.grants import GrantActions
from portal.actions.keys import KeyActions
from portal.actions.links import Links
from portal.actions.members import MemberActions
from portal.actions.operating import Operating
from portal.actions.servers import ServerActions
from portal.actions.sessions import SessionActions
from portal.actions.sources import SourceActions
from portal.actions.tries import Tries


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    url: str
    version: str
    clock: Callable[[], datetime]
    registry: Registry
    doorkeeper: Doorkeeper
    rates: Rates
    signatures: Signatures
    federation: Federation
    accounts: Accounts
    sessions: SessionActions
    links: Links
    sources: SourceActions
    servers: ServerActions
    keys: KeyActions
    grants: GrantActions
    clients: Clients
    consents: Consents
    issuing: Issuing
    members: MemberActions
    activity: ActivityActions
    exports: Exports
    operating: Operating
    tries: Tries
    checks: HealthChecks

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it over https."""
        return self.url.startswith("https://")
