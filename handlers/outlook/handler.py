"""The kind `outlook`, put together."""

from __future__ import annotations

from typing import Final

from handlers.base import Bulkhead, Handler, Lent, Source
from handlers.outlook.config import OutlookConfig
from handlers.outlook.source import OutlookSource
from services.egress import HostPolicy
from services.graph.entra import EntraApp, EntraSignIn
from services.graph.mailbox import MOST_AT_ONCE, Mailbox


def connect(config: OutlookConfig, lent: Lent) -> Source:
    """The mailbox of these settings; the first call signs in."""
    endpoints, egress = lent.endpoints, lent.egress
    app = EntraApp(tenant_id=config.tenant_id, client_id=config.client_id, client_secret=config.client_secret)
    mailbox = Mailbox(
        user=config.user,
        http=egress.httpx_client(HostPolicy(origins=(endpoints.graph,))),
        base_url=endpoints.graph,
        sign_in=EntraSignIn(egress.client(HostPolicy(origins=(endpoints.entra,))), endpoints.entra, app),
        clock=lent.clock,
        at_once=max(1, MOST_AT_ONCE // lent.instances),
    )
    return OutlookSource(mailbox, user=config.user, extraction=lent.text, clock=lent.clock)


def share_limit(config: OutlookConfig) -> Bulkhead:
    """Microsoft counts the requests of an app in a tenant, whatever the mailbox; every call makes one at a time."""
    return Bulkhead(key=f"outlook:{config.tenant_id}:{config.client_id}".lower(), size=MOST_AT_ONCE)


OUTLOOK: Final = Handler(
    key="outlook",
    slug="outlook",
    title="Outlook",
    description="A mailbox of Microsoft 365: its messages, and the text of what is attached to them.",
    icon="mail",
    config=OutlookConfig,
    connect=connect,
    bulkhead=share_limit,
)
