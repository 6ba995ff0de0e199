"""Which client an id belongs to: one that registered, or one that a document at its id describes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import structlog
from pydantic import JsonValue

from auth.access import Caller
from auth.limits import Throttle
from auth.oauth.documents import Documents, host_of
from auth.oauth.metadata import Description
from auth.oauth.registration import read_registration
from auth.oauth.wellknown import WELL_KNOWN, WellKnown
from database.engine import Database
from database.models import OAuthClient
from errors import ClientUnreachable, UnknownClient
from repositories.oauth_clients import OAuthClients

_UNUSED_FOR: Final = timedelta(hours=24)
_SWEEP_EVERY: Final = timedelta(minutes=10)
_STALE_FOR: Final = timedelta(hours=24)
"""How long past its time a document that cannot be read again is still believed (stale-if-error of RFC 5861)."""
_REGISTERED_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_NOT_HERE: Final = "No agent is registered under this id. Remove the connection in the agent, then add it again."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who asks for access, as far as that is known."""

    row_id: UUID
    client_id: str
    name: str
    """Its own claim, cleaned for showing: one line, up to 200 characters."""
    kind: Literal["registered", "document"]
    redirect_uris: tuple[str, ...]
    auth_method: str
    """`none`, client_secret_basic or client_secret_post."""
    secret_hash: str | None
    """By `auth.tokens.token_hash`; None where there is no secret."""
    host: str | None
    """Where the document is that vouches for the name; None for a registration, which anybody can make."""
    vouched: bool
    """Whether it is one of the well-known vendors' documents."""


@dataclass(frozen=True, slots=True)
class Registered:
    client: Client
    response: Mapping[str, JsonValue]
    """The client information response of RFC 7591; holds the secret, which is never shown again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What became of one well-known document."""

    name: str
    client_id: str
    changes: tuple[str, ...] = ()
    problem: str | None = None
    """Why it could not be read; the version that we have stays."""


class Clients:
    """Every method has transactions of its own: call none of them inside another one."""

    def __init__(
        self,
        database: Database,
        documents: Documents,
        throttle: Throttle,
        clock: Callable[[], datetime],
        *,
        policy: str,
    ) -> None:
        """`policy`: whose documents are believed, any, wellknown or off."""
        self._database = database
        self._documents = documents
        self._throttle = throttle
        self._clock = clock
        self._policy = policy
        self._reading: dict[str, asyncio.Task[Client]] = {}
        self._sweep_at: datetime | None = None

    @property
    def accepts_documents(self) -> bool:
        """What `client_id_metadata_document_supported` of the server's metadata says."""
        return self._policy != "off"

    async def find(self, client_id: str) -> Client:
        """Raises UnknownClient, which must not be answered with a redirect."""
        if not client_id.startswith("https://"):
            return await self._registered(client_id)
        host_of(client_id)
        self._require_believed(client_id)
        known = WELL_KNOWN.get(client_id)
        return await (self._read_once(client_id) if known is None else self._known(known))

    async def register(self, metadata: bytes | Mapping[str, JsonValue], caller: Caller) -> Registered:
        """Raises InvalidClientMetadata or InvalidRedirectUri, and TooManyRequests for a network that had its share."""
        registration = read_registration(metadata)
        await self._throttle.register_client(caller.address)
        now, description = self._clock(), registration.description
        row = OAuthClient(
            client_id=registration.client_id,
            kind="registered",
            name=description.name,
            redirect_uris=list(description.redirect_uris),
            auth_method=description.auth_method,
            secret_hash=registration.secret.hash if registration.secret else None,
            details=dict(description.details),
            created_at=now,
        )
        async with self._database.writing() as session:
            await OAuthClients(session).add(row)
        return Registered(_client(row), registration.response(now))

    async def used(self, client: Client) -> None:
        """Somebody allowed it in: it is kept from now on. Raises UnknownClient if it was swept away meanwhile."""
        async with self._database.writing() as session:
            if not await OAuthClients(session).mark_used(client.row_id, self._clock()):
                raise UnknownClient(_NOT_HERE)

    async def sweep(self) -> None:
        """Removes clients that nobody allowed in within a day. May be called often: it looks every ten minutes."""
        now = self._clock()
        if self._sweep_at is not None and now < self._sweep_at:
            return
        self._sweep_at = now + _SWEEP_EVERY
        async with self._database.writing() as session:
            swept = await OAuthClients(session).sweep(now - _UNUSED_FOR, WELL_KNOWN.keys())
        if swept:
            log.info("oauth.clients_swept", clients=swept)

    async def refresh(self) -> Sequence[Refreshed]:
        """Reads the well-known documents anew and keeps what they say now, also where it is known already."""
        return [await self._refresh(known) for known in WELL_KNOWN.values()]

    async def aclose(self) -> None:
        """Ends what is still being read; those who asked are gone."""
        reading = list(self._reading.values())
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    async def _registered(self, client_id: str) -> Client:
        row = await self._row(client_id) if _REGISTERED_ID.fullmatch(client_id) else None
        if row is None:
            raise UnknownClient(_NOT_HERE)
        return _client(row)

    async def _known(self, known: WellKnown) -> Client:
        row = await self._row(known.client_id)
        if row is None or not _is_newer(row, known):
            row = await self._keep(known.client_id, known.description, known.read_at, None)
        return _client(row)

    def _require_believed(self, client_id: str) -> None:
        if self._policy == "off":
            raise UnknownClient("Agents cannot name themselves by a document here; this one has to register.")
        if self._policy == "wellknown" and client_id not in WELL_KNOWN:
            raise UnknownClient("Only well-known agents can name themselves by a document here; others must register.")

    async def _read_once(self, client_id: str) -> Client:
        """However many ask at the same time, and whether or not the first of them waits: one looks, all get what it
        found. An error is theirs too, and then forgotten."""
        task = self._reading.get(client_id)
        if task is None:
            task = asyncio.create_task(self._read(client_id))
            self._reading[client_id] = task
            task.add_done_callback(lambda done: self._settle(client_id, done))
        return await asyncio.shield(task)

    def _settle(self, client_id: str, done: asyncio.Task[Client]) -> None:
        del self._reading[client_id]
        if not done.cancelled():
            done.exception()  # looked at, so that asyncio does not complain where nobody waits any longer

    async def _read(self, client_id: str) -> Client:
        row = await self._row(client_id)
        if row is not None and self._is_fresh(row):
            return _client(row)
        host = host_of(client_id)
        try:
            document = await self._documents.read(client_id, [host])
        except UnknownClient as error:
            log.info("oauth.document_refused", host=host, reason=error.message)
            if isinstance(error, ClientUnreachable) and row is not None and self._is_fresh(row, _STALE_FOR):
                return _client(row)
            raise
        now = self._clock()
        return _client(await self._keep(client_id, document.description, now, now + document.fresh_for))

    async def _refresh(self, known: WellKnown) -> Refreshed:
        row = await self._row(known.client_id)
        before = _description(row) if row is not None and _is_newer(row, known) else known.description
        try:
            document = await self._documents.read(known.client_id, known.hosts)
        except UnknownClient as error:
            return Refreshed(name=known.name, client_id=known.client_id, problem=error.message)
        after = known.with_also(document.description)
        await self._keep(known.client_id, after, self._clock(), None)
        return Refreshed(name=known.name, client_id=known.client_id, changes=_changes(before, after))

    async def _keep(
        self, client_id: str, description: Description, read_at: datetime, fresh_until: datetime | None
    ) -> OAuthClient:
        async with self._database.writing() as session:
            return await OAuthClients(session).keep_document(
                client_id,
                name=description.name,
                redirect_uris=description.redirect_uris,
                auth_method=description.auth_method,
                details=description.details,
                read_at=read_at,
                fresh_until=fresh_until,
                now=self._clock(),
            )

    async def _row(self, client_id: str) -> OAuthClient | None:
        async with self._database.reading() as session:
            return await OAuthClients(session).find(client_id)

    def _is_fresh(self, row: OAuthClient, grace: timedelta = timedelta(0)) -> bool:
        return row.fresh_until is not None and self._clock() < row.fresh_until + grace


def _is_newer(row: OAuthClient, known: WellKnown) -> bool:
    """Whether what was read is not older than the copy that this version brings."""
    return row.read_at is not None and row.read_at >= known.read_at


def _client(row: OAuthClient) -> Client:
    is_document = row.kind == "document"
    return Client(
        row_id=row.id,
        client_id=row.client_id,
        name=row.name,
        kind="document" if is_document else "registered",
        redirect_uris=tuple(row.redirect_uris),
        auth_method=row.auth_method,
        secret_hash=row.secret_hash,
        host=host_of(row.client_id) if is_document else None,
        vouched=row.client_id in WELL_KNOWN,
    )


def _description(row: OAuthClient) -> Description:
    return Description(name=row.name, redirect_uris=tuple(row.redirect_uris), auth_method=row.auth_method)


def _changes(before: Description, after: Description) -> tuple[str, ...]:
    """What is different now, each in a few words."""
    renamed = [f"is called {after.name} now"] if after.name != before.name else []
    added = [f"new address {uri}" for uri in after.redirect_uris if uri not in before.redirect_uris]
    gone = [f"no longer {uri}" for uri in before.redirect_uris if uri not in after.redirect_uris]
    return (*renamed, *added, *gone)
