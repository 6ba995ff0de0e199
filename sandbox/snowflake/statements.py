"""SQL API v2: statements that answer at once or are asked for later, their partitions, and cancelling them."""

from __future__ import annotations

import asyncio
import gzip
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.behaviour import Behaviour, Clock
from sandbox.credentials import SnowflakeCredentials
from sandbox.snowflake.cells import encoded
from sandbox.snowflake.errors import StatementFailed, refusal
from sandbox.snowflake.sql_text import Token
from sandbox.snowflake.warehouse import Context, ResultSet, Warehouse, one_statement
from sandbox.world import Cell

LONGEST_S: Final = 604_800
_CANCELLED: Final = StatementFailed("000604", "57014", "SQL execution canceled")


class _Binding(BaseModel):
    model_config = ConfigDict(frozen=True)

    type: str = "TEXT"
    value: str | None = None

    def cell(self) -> Cell:
        """The value as the warehouse takes it."""
        if self.value is None:
            return None
        match self.type.upper():
            case "FIXED":
                return int(self.value)
            case "REAL":
                return float(self.value)
            case "BOOLEAN":
                return self.value.lower() == "true"
            case _:
                return self.value


class _Order(BaseModel):
    model_config = ConfigDict(frozen=True)

    statement: str
    timeout: int = 0
    database: str = ""
    schema_: str = ""
    warehouse: str = ""
    role: str = ""
    bindings: Mapping[str, _Binding] = {}
    parameters: Mapping[str, str | int | bool] = {}


@dataclass(slots=True)
class _Statement:
    """One statement on its way."""

    handle: str
    created_ms: int
    work: asyncio.Task[ResultSet]
    nullable: bool
    formats: Mapping[str, str]
    failure: StatementFailed | None = None
    result: ResultSet | None = None


@dataclass(slots=True)
class Statements:
    """The statements since the start. Their results stay."""

    warehouse: Warehouse
    behaviour: Behaviour
    clock: Clock
    credentials: SnowflakeCredentials
    _known: dict[str, _Statement] = field(default_factory=dict)
    _by_request: dict[str, str] = field(default_factory=dict)

    async def submit(self, request: Request) -> Response:
        """200 with the first partition, or 202 once the wait is over, or at once if async was asked for."""
        order = await _read_order(request)
        options = request.query_params
        handle = self._by_request.get(options.get("requestId", "")) if options.get("retry") == "true" else None
        statement = self._known[handle] if handle else self._start(order, options.get("nullable") != "false")
        self._by_request[options.get("requestId", "")] = statement.handle
        if options.get("async") != "true":
            await asyncio.wait({statement.work}, timeout=self.behaviour.sync_wait.total_seconds())
        return self._told(statement, partition=0)

    async def status(self, request: Request) -> Response:
        """How far it is; a partition of its result."""
        statement = self._get(request)
        partition = request.query_params.get("partition", "0")
        if not partition.isdecimal():
            raise refusal(400, "391917", "Invalid partition number.")
        return self._told(statement, partition=int(partition))

    async def cancel(self, request: Request) -> Response:
        """Stops it; one that is done cannot be stopped."""
        statement = self._get(request)
        if statement.work.done():
            text = "Identified SQL statement is not currently executing."
            return self._failed(statement, StatementFailed("000605", "57014", text))
        statement.failure = _CANCELLED
        statement.work.cancel()
        body = {"code": "000604", "sqlState": "57014", "message": "SQL execution canceled"}
        return JSONResponse(body | self._names(statement))

    def _start(self, order: _Order, nullable: bool) -> _Statement:
        formats = {name: str(value) for name, value in order.parameters.items()}
        work = asyncio.ensure_future(self._run(order, formats))
        # Kept, so that a failure nobody asks for is no unhandled exception.
        work.add_done_callback(lambda done: done.cancelled() or done.exception())
        created_ms = int(self.clock().timestamp() * 1000)
        statement = _Statement(str(uuid.uuid4()), created_ms, work, nullable, formats)
        self._known[statement.handle] = statement
        return statement

    async def _run(self, order: _Order, parameters: Mapping[str, str]) -> ResultSet:
        statement = one_statement(order.statement)
        self._check_context(order)
        takes_s = self.behaviour.statement_time.total_seconds() + _wait_s(statement)
        limit_s = order.timeout or LONGEST_S
        await asyncio.sleep(min(takes_s, limit_s))
        if takes_s > limit_s:
            text = f"Statement reached its statement or warehouse timeout of {limit_s} second(s) and was canceled."
            raise StatementFailed("000630", "57014", text, status=408)
        context = Context(database=order.database, schema=order.schema_, parameters=parameters)
        bindings = [order.bindings[name].cell() for name in sorted(order.bindings, key=int)]
        result = self.warehouse.run(order.statement, bindings, context)
        most = parameters.get("rows_per_resultset", "0")
        return ResultSet(columns=result.columns, rows=result.rows[: int(most)]) if int(most) else result

    def _check_context(self, order: _Order) -> None:
        if order.warehouse and order.warehouse != self.credentials.warehouse:
            text = "No active warehouse selected in the current session. Select one with the 'use warehouse' command."
            raise StatementFailed("000606", "57P03", text)
        if order.database and order.database not in self.warehouse.databases():
            raise StatementFailed("390201", "08004", "The requested database does not exist or not authorized.")
        if order.role and order.role != self.credentials.role:
            text = f"Role '{order.role}' specified in the connect string does not exist or not authorized."
            raise StatementFailed("390189", "08004", text)

    def _told(self, statement: _Statement, *, partition: int) -> Response:
        if statement.failure is None and not statement.work.done():
            text = (
                "Asynchronous execution in progress. Use provided query id to perform query monitoring and management."
            )
            return JSONResponse({"code": "333334", "message": text} | self._names(statement), status_code=202)
        try:
            if statement.failure is not None:
                raise statement.failure
            return self._partition(statement, statement.work.result(), partition)
        except StatementFailed as failure:
            return self._failed(statement, failure)

    def _partition(self, statement: _Statement, result: ResultSet, number: int) -> Response:
        size = self.behaviour.partition_rows
        parts = [result.rows[start : start + size] for start in range(0, len(result.rows), size)] or [()]
        if number >= len(parts):
            raise refusal(400, "391917", f"Partition {number} does not exist.")
        data = _encoded(result, parts[number], statement)
        if number > 0:
            body = gzip.compress(json.dumps({"data": data}).encode())
            return Response(body, media_type="application/json", headers={"content-encoding": "gzip"})
        answer: dict[str, object] = {
            "resultSetMetaData": {
                "numRows": len(result.rows),
                "format": "jsonv2",
                "rowType": [column.row_type() for column in result.columns],
                "partitionInfo": [_info(result, part, statement) for part in parts],
            },
            "data": data,
            "code": "090001",
            "sqlState": "00000",
            "message": "Statement executed successfully.",
            "createdOn": statement.created_ms,
        }
        return JSONResponse(answer | self._names(statement))

    def _failed(self, statement: _Statement, failure: StatementFailed) -> Response:
        body = {
            "code": failure.code,
            "sqlState": failure.sql_state,
            "message": failure.message,
            "createdOn": statement.created_ms,
        }
        return JSONResponse(body | self._names(statement), status_code=failure.status)

    def _names(self, statement: _Statement) -> dict[str, object]:
        url = f"/api/v2/statements/{statement.handle}?requestId={uuid.uuid4()}"
        return {"statementHandle": statement.handle, "statementStatusUrl": url}

    def _get(self, request: Request) -> _Statement:
        handle = request.path_params["handle"]
        if handle not in self._known:
            raise refusal(404, "000709", f"Statement {handle} not found")
        return self._known[handle]


async def _read_order(request: Request) -> _Order:
    if request.headers.get("content-type", "application/json").partition(";")[0] != "application/json":
        raise refusal(415, "391903", "Unsupported content type; application/json is expected.")
    try:
        sent = json.loads(await request.body())
        if not isinstance(sent, dict):
            raise TypeError("not an object")
        return _Order.model_validate(sent | {"schema_": sent.get("schema") or ""})
    except (ValueError, TypeError, ValidationError) as error:
        raise refusal(400, "390142", "Incoming request does not contain a valid payload.") from error


def _wait_s(statement: Sequence[Token]) -> float:
    """What the statement's SYSTEM$WAIT calls ask for, in seconds."""
    return sum(
        float(statement[index + 2].text)
        for index, token in enumerate(statement)
        if token.text == "SYSTEM$WAIT" and statement[index + 2].kind == "number"
    )


def _encoded(result: ResultSet, rows: Sequence[Sequence[Cell]], statement: _Statement) -> list[list[str | None]]:
    missing = None if statement.nullable else "null"
    return [
        [
            missing if cell is None else encoded(cell, column, statement.formats)
            for cell, column in zip(row, result.columns, strict=True)
        ]
        for row in rows
    ]


def _info(result: ResultSet, rows: Sequence[Sequence[Cell]], statement: _Statement) -> dict[str, object]:
    return {"rowCount": len(rows), "uncompressedSize": len(json.dumps(_encoded(result, rows, statement)))}
