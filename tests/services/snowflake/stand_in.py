"""A Snowflake account that a test scripts: it records what is asked, and answers what it is told to."""

from __future__ import annotations

import asyncio
import gzip
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from services.snowflake.account import Account

URL = "https://example-main.snowflakecomputing.com"
PAT = "pat-canary-7f3a"


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    """Still percent-encoded."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


Answer = Response | Callable[[Asked], Response | Awaitable[Response]]


class StandIn:
    """Answers requests one after the other with what stands in `script`, its last entry for ever."""

    def __init__(self, *script: Answer) -> None:
        self.script = list(script)
        self.asked: list[Asked] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        raw = await request.body()
        asked = Asked(
            request.method,
            scope["raw_path"].decode(),
            dict(request.query_params),
            dict(request.headers),
            json.loads(raw) if raw else None,
        )
        self.asked.append(asked)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        response = answer if isinstance(answer, Response) else answer(asked)
        if not isinstance(response, Response):
            response = await response
        await response(scope, receive, send)

    def __len__(self) -> int:
        return len(self.asked)


def http_for(app: Callable[..., Any]) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))


class Pauses:
    """Sleeps that take no time and are written down."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await asyncio.sleep(0)


def account_for(app: Callable[..., Any], pauses: Pauses | None = None) -> Account:
    return Account(http_for(app), URL, SecretStr(PAT), sleep=pauses or Pauses(), jitter=min)


def refused(status: int, code: str = "", **headers: str) -> Response:
    """An error as the interfaces of Snowflake send it."""
    body = {"code": code, "message": "vendor-words-canary: see the manual"}
    return JSONResponse(body, status, headers={name.replace("_", "-"): value for name, value in headers.items()})


@dataclass(frozen=True)
class Columns:
    """Cells as strings, in rows, under typed columns: `("ID", "fixed")`."""

    types: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str | None]] = ()


@dataclass
class Running:
    """One statement as the warehouse holds it."""

    body: Mapping[str, Any]
    result: Columns | Response
    looks_left: int
    cancelled: bool = False


@dataclass
class Warehouse:
    """The SQL API, over a function that knows what a statement gives."""

    run: Callable[[str, Sequence[str | int]], Columns | Response]
    looks: int = 0
    """How often a statement is still under way when somebody looks."""
    partition_rows: int = 1_000
    statements: dict[str, Running] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Response:
        self.asked.append(asked)
        parts = asked.path.strip("/").split("/")[3:]
        if not parts:
            return self._submit(asked)
        statement = self.statements[parts[0]]
        if parts[1:] == ["cancel"]:
            statement.cancelled = True
            return JSONResponse({"code": "000604", "message": "successfully canceled", "statementHandle": parts[0]})
        if "partition" in asked.query:
            return self._partition(statement, int(asked.query["partition"]))
        return self._look(parts[0], statement)

    @property
    def last(self) -> Running:
        return list(self.statements.values())[-1]

    def _submit(self, asked: Asked) -> Response:
        known = self.requests.get(asked.query["requestId"])
        if known is None or asked.query.get("retry") != "true":
            known = str(uuid.uuid4())
            self.requests[asked.query["requestId"]] = known
            bindings = asked.body.get("bindings", {}).values()
            values = [int(one["value"]) if one["type"] == "FIXED" else one["value"] for one in bindings]
            self.statements[known] = Running(asked.body, self.run(asked.body["statement"], values), self.looks)
        return self._under_way(known)

    def _under_way(self, handle: str) -> Response:
        body = {"code": "333334", "message": "Asynchronous execution in progress.", "statementHandle": handle}
        return JSONResponse(body, 202)

    def _look(self, handle: str, statement: Running) -> Response:
        if statement.looks_left > 0:
            statement.looks_left -= 1
            return self._under_way(handle)
        if isinstance(statement.result, Response):
            return statement.result
        rows = statement.result.rows[: statement.body["parameters"]["rows_per_resultset"]]
        size = self.partition_rows
        counts = [len(rows[start : start + size]) for start in range(0, max(1, len(rows)), size)]
        meta = {
            "numRows": len(rows),
            "format": "jsonv2",
            "rowType": [
                {"name": name, "type": kind.partition(":")[0], "scale": int(kind.partition(":")[2] or 0)}
                for name, kind in statement.result.types
            ],
            "partitionInfo": [{"rowCount": count, "uncompressedSize": 1} for count in counts],
        }
        return JSONResponse(
            {"code": "090001", "statementHandle": handle, "resultSetMetaData": meta, "data": rows[:size]}
        )

    def _partition(self, statement: Running, number: int) -> Response:
        assert isinstance(statement.result, Columns)
        rows = statement.result.rows[: statement.body["parameters"]["rows_per_resultset"]]
        start = number * self.partition_rows
        body = gzip.compress(json.dumps({"data": rows[start : start + self.partition_rows]}).encode())
        return Response(body, media_type="application/json", headers={"Content-Encoding": "gzip"})
