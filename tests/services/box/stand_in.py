"""A Box that a test scripts, byte by byte where it matters: it records what is asked, and answers what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from services.box.client import Box
from services.box.hosts import host_policy
from services.box.sign_in import BoxApp
from services.egress import Egress

SECRET = "secret-canary-51c7"
TOKEN = "token-canary-80aa"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


Write = Callable[[bytes], Awaitable[None]]
Answer = Callable[[Asked, Write], Awaitable[None]]


def whole(status: int, body: object = b"", *, content_type: str = "application/json", **headers: str) -> bytes:
    """A complete HTTP answer. Anything but bytes becomes JSON; `retry_after` becomes the header of that name."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"content-length: {len(content)}"]
    lines += [f"content-type: {content_type}"] if content_type else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def says(status: int, body: object = b"", **headers: Any) -> Answer:
    async def answer(asked: Asked, write: Write) -> None:
        await write(whole(status, body, **headers))

    return answer


def error(status: int, code: str, **headers: str) -> Answer:
    """An error as Box writes it."""
    return says(status, {"type": "error", "status": status, "code": code, "message": "..."}, **headers)


def in_turn(*answers: Answer) -> Answer:
    """One after the other, the last one for ever."""
    left = list(answers)

    async def answer(asked: Asked, write: Write) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(asked, write)

    return answer


def slowly(answer: bytes, *, pace_s: float, after: bytes = b"") -> Answer:
    """The bytes up to and including `after` at once, and the others one by one."""

    async def drip(asked: Asked, write: Write) -> None:
        start = answer.index(after) + len(after)
        await write(answer[:start])
        for number in answer[start:]:
            await asyncio.sleep(pace_s)
            await write(bytes([number]))

    return drip


async def silence(asked: Asked, write: Write) -> None:
    """Takes the request and never answers."""
    await asyncio.get_running_loop().create_future()


def once(opened: asyncio.Event, answer: Answer) -> Answer:
    """Answers when the event has come."""

    async def wait(asked: Asked, write: Write) -> None:
        await opened.wait()
        await answer(asked, write)

    return wait


class Hangup(Exception):
    """Ends the connection where it stands."""


def cut(answer: bytes) -> Answer:
    """All but the last byte, and then the connection ends."""

    async def half(asked: Asked, write: Write) -> None:
        await write(answer[:-1])
        raise Hangup

    return half


async def hang_up(asked: Asked, write: Write) -> None:
    """Ends the connection without a word."""
    raise Hangup


def token(value: str = TOKEN, expires_in: int = 3600) -> Answer:
    return says(200, {"access_token": value, "expires_in": expires_in, "token_type": "bearer", "restricted_to": []})


def file_json(id: str, **told: Any) -> dict[str, Any]:
    """A file as Box writes it when it was asked for its fields."""
    root = {"type": "folder", "id": "0", "sequence_id": None, "etag": None, "name": "All Files"}
    parent = {"type": "folder", "id": "500", "sequence_id": "0", "etag": "0", "name": "Contracts"}
    return {
        "type": "file",
        "id": id,
        "etag": "1",
        "name": f"Report {id}.docx",
        "description": "",
        "modified_at": "2026-10-02T11:00:00+02:00",
        "size": 12_345,
        "extension": "docx",
        "path_collection": {"total_count": 2, "entries": [root, parent]},
        "shared_link": None,
        "owned_by": {"type": "user", "id": "30010", "name": "Ann Meyer", "login": "ann.meyer@example.com"},
        **told,
    }


def page(*entries: dict[str, Any], total: int | None = None, limit: int = 30, offset: int = 0) -> dict[str, Any]:
    """A page of a search."""
    count = len(entries) if total is None else total
    told = {"total_count": count, "limit": limit, "offset": offset, "type": "search_results_items"}
    return {**told, "entries": list(entries)}


@dataclass
class StandIn:
    """Answers by path. Without a script it lets everybody in and has one file."""

    origin: str = ""
    asked: list[Asked] = field(default_factory=list)
    under_way: int = 0
    peak: int = 0
    left: int = 0
    """Callers that went away before they had their answer."""
    script: dict[str, Answer] = field(default_factory=dict)
    forms: list[dict[str, Any]] = field(default_factory=list)
    """Representations that were offered of its file."""

    def __post_init__(self) -> None:
        self.script = {
            "/oauth2/token": token(),
            "/2.0/users/me": says(
                200, {"type": "user", "id": "30001", "name": "Search app", "login": "app@example.com"}
            ),
            "/2.0/folders/0": says(200, {"type": "folder", "id": "0", "name": "All Files"}),
            "/2.0/search": says(200, page(file_json("1"))),
            "/2.0/files/1": says(200, file_json("1")),
        } | self.script

    def offer(self, kind: str, *states: str, text: bytes = b"", content: Answer | None = None) -> None:
        """Adds a form of the file 1 that goes through these states: the first is told with the file, the others one by
        one to whoever looks."""
        info, place = f"/2.0/internal_files/1/versions/11/representations/{kind}", f"/dl/{kind}/content/"
        form = {
            "representation": kind,
            "properties": {},
            "info": {"url": f"{self.origin}{info}"},
            "content": {"url_template": f"{self.origin}{place}{{+asset_path}}"},
        }
        self.forms.append({**form, "status": {"state": states[0]}})
        self.script["/2.0/files/1"] = says(
            200, file_json("1", version_number="3", representations={"entries": self.forms})
        )
        looks = (says(200, {**form, "status": {"state": state}}) for state in states[1:] or states)
        self.script[info] = in_turn(*looks)
        self.script[place] = content or says(200, text, content_type="text/plain; charset=utf-8")

    def count(self, path: str) -> int:
        return Counter(asked.path for asked in self.asked)[path]

    def last(self, path: str) -> Asked:
        return next(asked for asked in reversed(self.asked) if asked.path == path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests of one connection, one after the other."""

        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, Hangup):
                while asked := await _read(reader):
                    self.asked.append(asked)
                    self.under_way += 1
                    self.peak = max(self.peak, self.under_way)
                    try:
                        await self._answer(asked, reader, write)
                    finally:
                        self.under_way -= 1
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, asked: Asked, reader: asyncio.StreamReader, write: Write) -> None:
        missing = error(404, "not_found")
        answering = asyncio.ensure_future(self.script.get(asked.path, missing)(asked, write))
        leaving = asyncio.ensure_future(_gone(reader))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                self.left += 1
                raise Hangup
            answering.result()
        finally:
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)


async def _gone(reader: asyncio.StreamReader) -> None:
    # To read would take bytes that belong to the next request.
    while not reader.at_eof():  # noqa: ASYNC110 - a stream has no event for its end
        await asyncio.sleep(0.01)


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, target, _ = head[0].split(" ")
    pairs = (line.split(":", 1) for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    return Asked(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers, body)


@asynccontextmanager
async def listening() -> AsyncIterator[StandIn]:
    stand_in = StandIn()
    connections: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(stand_in.serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    stand_in.origin = f"http://{host}:{port}"
    try:
        yield stand_in
    finally:
        server.close()
        ending = [task for task in connections if task.cancel()]
        await asyncio.gather(*ending, return_exceptions=True)


APP = BoxApp(client_id="client", client_secret=SecretStr(SECRET), subject_type="enterprise", subject_id="871234")


@asynccontextmanager
async def box_at(
    origin: str,
    *,
    app: BoxApp = APP,
    clock: Callable[[], datetime] = lambda: NOW,
    threads: int = 12,
    within: timedelta = timedelta(seconds=10),
) -> AsyncIterator[Box]:
    adapter = Egress().requests_adapter(host_policy(origin))
    box = Box(app=app, adapter=adapter, base_url=origin, clock=clock, threads=threads, timeout=within)
    try:
        yield box
    finally:
        await box.aclose()
