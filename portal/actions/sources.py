"""Sources: connected, changed, checked, deleted."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from pydantic import SecretStr, ValidationError

from auth.access import SignedIn
from auth.audit import AuditTrail
from database.engine import Database
from database.models import McpServer, Source
from database.sealing import CannotOpen, Sealer
from errors import FieldProblem, GatehouseError, Invalid, SourceError, SourceUnauthorized
from federation.connections import SEALED_TABLE, Connections, open_secrets
from federation.directory import Directory, served_source
from federation.federation import Federation
from federation.health import Health
from handlers.base import Handler, SourceConfig
from handlers.registry import Registry
from portal.actions.trail import done_by
from repositories.paging import Page, Window
from repositories.servers import Servers
from repositories.sources import Sources, mark_source_deleted
from repositories.users import Users
from schemas.fields import plain_message
from schemas.sources import CheckResult

_KEY_CHARACTERS: Final = string.ascii_lowercase + string.digits
_KEY_LENGTH: Final = 6


@dataclass(frozen=True, slots=True)
class SourceForm:
    """What somebody typed: settings as they came, not yet whole."""

    name: str
    type: str
    config: Mapping[str, Any]


class SourceActions:
    def __init__(
        self,
        *,
        database: Database,
        registry: Registry,
        sealer: Sealer,
        connections: Connections,
        directory: Directory,
        federation: Federation,
        health: Health,
        audit: AuditTrail,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._registry = registry
        self._sealer = sealer
        self._connections = connections
        self._directory = directory
        self._federation = federation
        self._health = health
        self._audit = audit
        self._clock = clock

    async def create(self, person: SignedIn, form: SourceForm) -> Source:
        """Saves a source without connecting it. Raises Invalid, each wrong setting named."""
        handler = self._registry.get(form.type)
        config = _validated(handler, form.config)
        source_id, now = uuid4(), self._clock()
        source = Source(
            id=source_id,
            user_id=person.user_id,
            key=_new_key(handler),
            name=form.name,
            type=handler.key,
            config=_open_part(handler, config),
            sealed=self._seal(handler, source_id, config),
            version=1,
            status="unchecked",
            created_at=now,
            updated_at=now,
        )
        async with self._database.writing() as session:
            await Users(session).get_locked(person.user_id)  # an account that is being deleted gets no more secrets
            await Sources(session).add(source)
        self._audit.record(done_by(person, "source.created", target=source.key))
        return source

    async def get(self, person: SignedIn, source_id: UUID) -> Source:
        async with self._database.reading() as session:
            return await Sources(session).get(person.user_id, source_id)

    async def list_mine(
        self, person: SignedIn, window: Window, *, words: str = "", statuses: Sequence[str] = ()
    ) -> Page[Source]:
        """Those whose name holds the words and that are in one of the statuses; empty: all."""
        async with self._database.reading() as session:
            return await Sources(session).list_of(person.user_id, window, words=words, statuses=statuses)

    async def used_by(self, person: SignedIn, source_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[McpServer]]:
        """Each of the person's sources that is in use, with the servers that use it."""
        async with self._database.reading() as session:
            own = await Sources(session).which_are_of(person.user_id, source_ids)
            return await Servers(session).list_using(sorted(own))

    async def replace(self, person: SignedIn, source_id: UUID, form: SourceForm) -> Source:
        """New name and settings. Secrets that are left out stay, unless a setting changes that decides where or as whom
        we connect: then they are asked for again. Raises NotFound and Invalid."""
        async with self._database.writing() as session:
            source = await Sources(session).get_locked(person.user_id, source_id)
            if source.type != form.type:
                raise Invalid.field("type", "The type of a source cannot change. Make a new source instead.")
            handler = self._registry.get(source.type)
            stored = self._stored_secrets(source)
            config = _merged(handler, source, stored, form.config)
            retyped = stored != _secret_part(handler, config)
            changed = retyped or source.config != _open_part(handler, config)
            source.name = form.name
            source.updated_at = self._clock()
            if changed:
                source.config = _open_part(handler, config)
                source.sealed = self._seal(handler, source.id, config)
                source.version += 1
                source.status, source.status_message, source.checked_at = "unchecked", None, None
        self._directory.forget()
        if changed:
            self._connections.changed(source.id)
            self._health.forget(source.id)
        action = "source.secrets_changed" if retyped else "source.changed" if changed else "source.renamed"
        self._audit.record(done_by(person, action, target=source.key))
        return source

    async def delete(self, person: SignedIn, source_id: UUID) -> None:
        """Servers that use it go on without it. Raises NotFound."""
        async with self._database.writing() as session:
            source = await Sources(session).get_locked(person.user_id, source_id)
            await Servers(session).drop_source(source.id)
            mark_source_deleted(source, self._clock())
        self._directory.forget()
        await self._connections.removed(source.id)
        self._health.forget(source.id)
        self._audit.record(done_by(person, "source.deleted", target=source.key))

    async def try_out(self, type_: str, config: Mapping[str, Any]) -> CheckResult:
        """Connects with settings that are not saved. Raises Invalid."""
        handler = self._registry.get(type_)
        whole = _validated(handler, config)
        return await _told(lambda: self._federation.try_out(handler, whole))

    async def try_change(self, person: SignedIn, source_id: UUID, config: Mapping[str, Any]) -> CheckResult:
        """Connects with changed settings of a saved source, which are not saved; secrets that are left out are the
        stored ones. Raises NotFound and Invalid."""
        source = await self.get(person, source_id)
        handler = self._registry.get(source.type)
        whole = _merged(handler, source, self._stored_secrets(source), config)
        return await _told(lambda: self._federation.try_out(handler, whole))

    async def check(self, person: SignedIn, source_id: UUID) -> CheckResult:
        """Connects a saved source and notes how that went. Raises NotFound."""
        source = await self.get(person, source_id)
        result = await _told(lambda: self._federation.check(served_source(source)))
        status = "ok" if result.ok else "reconnect" if result.code == SourceUnauthorized.code else "unavailable"
        async with self._database.writing() as session:
            await Sources(session).set_status(source.id, source.version, status, result.message, self._clock())
        self._directory.forget()
        self._health.forget(source.id)
        event = done_by(person, "source.checked", target=source.key)
        self._audit.record(replace(event, outcome=result.code or event.outcome))
        return result

    def secret_names(self, source: Source) -> Sequence[str]:
        """Names of the secrets that are stored for it."""
        return sorted(self._stored_secrets(source))

    def _stored_secrets(self, source: Source) -> Mapping[str, SecretStr]:
        """None where they cannot be opened any longer: then every one of them is asked for again."""
        try:
            return open_secrets(self._sealer, source.id, source.sealed)
        except CannotOpen:
            return {}

    def _seal(self, handler: Handler[Any], source_id: UUID, config: SourceConfig) -> bytes | None:
        values = {name: value.get_secret_value() for name, value in _secret_part(handler, config).items()}
        return self._sealer.seal(SEALED_TABLE, source_id, values) if values else None


async def _told(connect: Callable[[], Any]) -> CheckResult:
    started = time.monotonic()
    account, problem = None, None
    try:
        account = await connect()
    except GatehouseError as error:
        problem = error if isinstance(error, SourceError) else SourceError(error.message)
    return CheckResult(
        ok=problem is None,
        account=account,
        took_ms=round((time.monotonic() - started) * 1000),
        code=problem.code if problem else None,
        message=problem.message if problem else None,
    )


def _validated(handler: Handler[Any], config: Mapping[str, Any]) -> SourceConfig:
    """Raises Invalid with every wrong setting, none of which is repeated."""
    try:
        whole: SourceConfig = handler.config.model_validate(dict(config))
    except ValidationError as error:
        problems = [
            FieldProblem(".".join(["config", *(str(part) for part in problem["loc"])]), plain_message(problem["msg"]))
            for problem in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Invalid("Some settings do not fit.", problems) from None
    return whole


def _merged(
    handler: Handler[Any], source: Source, stored: Mapping[str, SecretStr], config: Mapping[str, Any]
) -> SourceConfig:
    """The given settings with those stored secrets that they leave out. Raises Invalid."""
    kept = {name: value for name, value in stored.items() if name not in config}
    whole = _validated(handler, {**config, **kept})
    _refuse_to_carry(kept, handler, source.config, whole)
    return whole


def _refuse_to_carry(
    kept: Mapping[str, SecretStr], handler: Handler[Any], before: Mapping[str, Any], config: SourceConfig
) -> None:
    """Raises Invalid for stored secrets that would go to another place, or be used as somebody else, from now on."""
    after = _open_part(handler, config)
    moved = [name for name in sorted(handler.binding_fields()) if after.get(name) != before.get(name)]
    if kept and moved:
        again = f"Enter it again: {', '.join(moved)} changed, and a stored secret is not sent to another place."
        raise Invalid(
            "The secrets must be entered again.", [FieldProblem(f"config.{name}", again) for name in sorted(kept)]
        )


def _open_part(handler: Handler[Any], config: SourceConfig) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude=set(handler.secret_fields()))


def _secret_part(handler: Handler[Any], config: SourceConfig) -> dict[str, SecretStr]:
    values = {name: getattr(config, name) for name in handler.secret_fields()}
    return {name: value for name, value in values.items() if isinstance(value, SecretStr)}


def _new_key(handler: Handler[Any]) -> str:
    """`customers-9d2f4x`: one of two billion per kind; the column is unique should two ever meet."""
    return f"{handler.slug}-{''.join(secrets.choice(_KEY_CHARACTERS) for _ in range(_KEY_LENGTH))}"
