"""The SQL API, version 2: one statement, its result in typed cells, and a stop to it when nobody waits any more.

Facts: sqlapi.yaml of snowflakedb/snowflake-rest-api-specs, and docs.snowflake.com, "Snowflake SQL API reference".
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final, Literal

from pydantic import JsonValue

from errors import SourceError, SourceRateLimited, SourceTimeout, SourceUnavailable
from services.snowflake.account import Account, Reply, Request
from services.snowflake.cells import Cell, Column, decode
from services.snowflake.refusals import NO_ACCOUNT, STRANGE, TOO_SLOW

_STATEMENTS: Final = "/api/v2/statements"
_HANDLE: Final = re.compile(r"[0-9A-Za-z-]{8,64}")
_NOT_RUN: Final = "Snowflake could not run the statement."
_FORGOTTEN: Final = "Snowflake has forgotten a statement that was under way."
_RESULT_TRUNCATED: Final = "391908"
_FIRST_WAIT_S: Final = 0.05
_WAIT_GROWTH: Final = 1.6
_LONGEST_WAIT_S: Final = 2.0
_CANCEL_TIMEOUT: Final = timedelta(seconds=5)
_CLOSING_S: Final = 1.0
"""How long closing waits for what is still being cancelled."""
_MARGIN: Final = timedelta(seconds=5)
"""How much longer than the statement itself its requests may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The context of a statement, names as they are stored (`names.stored_name`): here case matters."""

    database: str | None = None
    schema: str | None = None
    warehouse: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """The value of one `?`."""

    type: Literal["TEXT", "FIXED"]
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement and its limits."""

    sql: str
    bindings: Sequence[Binding] = ()
    tag: str
    """Stands as QUERY_TAG in the account's QUERY_HISTORY, to tell what a warehouse's time went into."""
    timeout: timedelta
    """Snowflake itself ends the statement after so many whole seconds, at least one."""
    max_rows: int


@dataclass(frozen=True, slots=True)
class Result:
    """At most `max_rows` rows."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    is_complete: bool
    """False if there were more rows, or more bytes than Snowflake sends."""


class _ColumnType(Reply):
    name: str
    type: str
    scale: int | None = None


class _Partition(Reply):
    rowCount: int = 0  # noqa: N815 - as it stands in the reply


class _MetaData(Reply):
    rowType: tuple[_ColumnType, ...]  # noqa: N815
    partitionInfo: tuple[_Partition, ...] = ()  # noqa: N815


class _Progress(Reply):
    statementHandle: str  # noqa: N815


class _FirstPartition(Reply):
    code: str | None = None
    resultSetMetaData: _MetaData  # noqa: N815
    data: tuple[tuple[str | None, ...], ...] = ()


class _LaterPartition(Reply):
    data: tuple[tuple[str | None, ...], ...]


class Statements:
    """Runs statements. Close it before the account's HTTP client: it may still be cancelling."""

    def __init__(self, account: Account, session: Session) -> None:
        self._account = account
        self._session = session
        self._cancelling: set[asyncio.Task[None]] = set()

    async def run(self, statement: Statement) -> Result:
        """The result, when it is there. Whoever stops waiting before, by cancellation or after the statement's own
        time, makes Snowflake stop too. Raises StatementRejected, NotGranted and the other SourceErrors."""
        limit = statement.timeout + _MARGIN
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await self._run(statement)
        except TimeoutError as error:
            raise SourceTimeout(TOO_SLOW) from error

    async def aclose(self) -> None:
        """Waits for what is being cancelled, a second at most."""
        if self._cancelling:
            _, late = await asyncio.wait(self._cancelling, timeout=_CLOSING_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, statement: Statement) -> Result:
        handle = await self._submit(statement)
        try:
            first = await self._finished(handle)
            return await self._collect(handle, first, statement.max_rows)
        except (asyncio.CancelledError, SourceTimeout, SourceUnavailable, SourceRateLimited):
            self._beside(self._cancel(handle))
            raise

    async def _submit(self, statement: Statement) -> str:
        """The handle of the statement, from then on running. Asked for asynchronously although most are done at once:
        within Snowflake's 45 s of synchronous waiting there would be no handle yet, and nothing to cancel it by."""
        submitting = asyncio.create_task(self._send(statement))
        try:
            return await asyncio.shield(submitting)
        except asyncio.CancelledError:
            self._beside(self._cancel_submitted(submitting))
            raise

    async def _send(self, statement: Statement) -> str:
        # The same requestId with retry=true: a statement that arrived the first time is not run again (docs,
        # "Resubmitting a request to execute SQL statements").
        request = Request(
            method="POST",
            path=_STATEMENTS,
            params={"requestId": str(uuid.uuid4()), "async": "true", "nullable": "true"},
            body=self._body(statement),
            repeat={"retry": "true"},
            missing=NO_ACCOUNT,
            rejected=_NOT_RUN,
        )
        handle = (await self._account.send(request)).read(_Progress).statementHandle
        if not _HANDLE.fullmatch(handle):
            raise SourceUnavailable(STRANGE)
        return handle

    def _body(self, statement: Statement) -> Mapping[str, JsonValue]:
        session = {
            "database": self._session.database,
            "schema": self._session.schema,
            "warehouse": self._session.warehouse,
            "role": self._session.role,
        }
        bindings: dict[str, JsonValue] = {
            str(place): {"type": binding.type, "value": binding.value}
            for place, binding in enumerate(statement.bindings, start=1)
        }
        return {
            "statement": statement.sql,
            "timeout": max(1, round(statement.timeout.total_seconds())),
            **{name: value for name, value in session.items() if value is not None},
            **({"bindings": bindings} if bindings else {}),
            "parameters": {
                "query_tag": statement.tag,
                # One more than wanted tells whether there are more.
                "rows_per_resultset": statement.max_rows + 1,
                # The default, said aloud: an account can be set to take several, and a second one must never run.
                "multi_statement_count": 1,
            },
        }

    async def _finished(self, handle: str) -> _FirstPartition:
        wait_s = _FIRST_WAIT_S
        while True:
            await self._account.sleep(wait_s)
            reply = await self._account.send(self._look(handle))
            if reply.status != HTTPStatus.ACCEPTED:
                return reply.read(_FirstPartition)
            wait_s = min(wait_s * _WAIT_GROWTH, _LONGEST_WAIT_S)

    async def _collect(self, handle: str, first: _FirstPartition, max_rows: int) -> Result:
        columns = [
            Column(column.name, column.type.lower(), column.scale or 0) for column in first.resultSetMetaData.rowType
        ]
        cells = list(first.data)
        for number in range(1, len(first.resultSetMetaData.partitionInfo)):
            if len(cells) > max_rows:
                break
            cells += await self._partition(handle, number)
        if any(len(row) != len(columns) for row in cells):
            raise SourceUnavailable(STRANGE)
        rows = [[decode(column, cell) for column, cell in zip(columns, row, strict=True)] for row in cells[:max_rows]]
        return Result(columns, rows, is_complete=len(cells) <= max_rows and first.code != _RESULT_TRUNCATED)

    async def _partition(self, handle: str, number: int) -> tuple[tuple[str | None, ...], ...]:
        reply = await self._account.send(self._look(handle, partition=str(number)))
        return reply.read(_LaterPartition).data

    def _look(self, handle: str, **params: str) -> Request:
        return Request(
            method="GET", path=f"{_STATEMENTS}/{handle}", params=params, missing=_FORGOTTEN, rejected=_NOT_RUN
        )

    async def _cancel_submitted(self, submitting: asyncio.Task[str]) -> None:
        try:
            handle = await submitting
        except SourceError:
            return
        await self._cancel(handle)

    async def _cancel(self, handle: str) -> None:
        """As well as it goes: who gave up has no use for an error, and the statement's own timeout ends it too."""
        request = Request(method="POST", path=f"{_STATEMENTS}/{handle}/cancel", timeout=_CANCEL_TIMEOUT)
        try:
            await self._account.send(request)
        except SourceError:
            return

    def _beside(self, work: Coroutine[None, None, None]) -> None:
        """Lets it run on its own, so that a caller whose time is up does not wait for it."""
        task = asyncio.create_task(work)
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)
