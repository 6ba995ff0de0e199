"""What the operator of the installation sees and does: accounts, the domain pool, how long things are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.access import SignedIn, require_operator
from auth.audit import AuditTrail, Event
from database.engine import Database
from database.models import AuditEvent, User
from federation.pool import GatewayPool
from portal.actions.links import Links, MadeLink
from repositories.audit import AuditEvents
from repositories.domains import Domains, Holding
from repositories.paging import Page, Window
from repositories.users import Users


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept, as the settings say."""

    purge_after: timedelta
    """Rows of what was deleted or has ended, until a purge takes them."""
    audit: timedelta
    """Addresses and programs in the audit trail, until a purge takes them out."""
    quarantine: timedelta
    """A released domain, from everybody but who had it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account, and how much it has."""

    user: User
    sources: int
    servers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One gateway domain, and who has it."""

    domain: str
    url: str
    is_in_pool: bool
    """Not so: it was retired while a server held it, and answers 421."""
    holding: Holding | None
    kept_until: datetime | None
    """Free again, but until then only for the account that had it last."""


class Operating:
    """Everything here raises Forbidden for everybody but the operator."""

    def __init__(
        self,
        database: Database,
        pool: GatewayPool,
        links: Links,
        audit: AuditTrail,
        clock: Callable[[], datetime],
        retention: Retention,
    ) -> None:
        self._database = database
        self._pool = pool
        self._links = links
        self._audit = audit
        self._clock = clock
        self._retention = retention

    async def list_accounts(self, person: SignedIn, window: Window, *, words: str = "") -> Page[Account]:
        """Those whose name or address holds the words; empty: all."""
        require_operator(person)
        async with self._database.reading() as session:
            users = Users(session)
            page = await users.list_live(window, words=words)
            counts = await users.count_belongings([user.id for user in page.items])
        accounts = [Account(user=user, sources=counts[user.id][0], servers=counts[user.id][1]) for user in page.items]
        return Page(accounts, page.next)

    async def list_places(self, person: SignedIn) -> Sequence[Place]:
        """The pool in its order, then what is held but no longer in it."""
        require_operator(person)
        async with self._database.reading() as session:
            domains = Domains(session)
            held = {holding.domain: holding for holding in await domains.list_holdings()}
            released = await domains.list_released(self._clock() - self._retention.quarantine)
        kept = {row.domain: row.released_at + self._retention.quarantine for row in released if row.released_at}
        pooled = [
            Place(
                domain=domain,
                url=url,
                is_in_pool=True,
                holding=held.get(domain),
                kept_until=None if domain in held else kept.get(domain),
            )
            for domain, url in self._pool.urls.items()
        ]
        retired = [
            Place(domain=domain, url=holding.url, is_in_pool=False, holding=holding, kept_until=None)
            for domain, holding in held.items()
            if domain not in self._pool
        ]
        return [*pooled, *retired]

    async def list_events(self, person: SignedIn, window: Window) -> Page[AuditEvent]:
        """What was done to the installation as a whole, on the command line or by itself, newest first."""
        require_operator(person)
        await self._audit.flush()
        async with self._database.reading() as session:
            return await AuditEvents(session).list_of_installation(window)

    def retention(self, person: SignedIn) -> Retention:
        require_operator(person)
        return self._retention

    async def make_reset(self, person: SignedIn, user_id: UUID) -> MadeLink:
        """A link that sets a new password, for the operator to hand on. Raises NotFound."""
        require_operator(person)
        async with self._database.reading() as session:
            user = await Users(session).get(user_id)
        made = await self._links.make_reset(user.email)
        self._audit.record(
            Event(
                user_id=user.id,
                actor="operator",
                actor_id=person.user_id,
                action="password.reset_link_handed_out",
                address=person.caller.address,
                agent=person.caller.user_agent,
            )
        )
        return made
