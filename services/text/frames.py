"""What passes between the gateway and a worker process: frames of a length and that many bytes.

Plain bytes and JSON, never pickles: the other side may have been taken over by a file.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import BinaryIO, Final

from services.text.extracted import Extracted, File, Limits

TOO_MUCH_MEMORY: Final = "memory"
"""The failure of a reader that hit its limit."""

_FAILURE = re.compile(r"[\w.:<> -]{0,120}", re.ASCII)
"""It goes into our log, and may come from a reader that a file has taken over."""
_LENGTH = struct.Struct(">Q")
_BYTES_PER_CHARACTER = 6
"""At most, in JSON and UTF-8: `\\u0001`."""
_ROOM_FOR_NOTES_BYTES = 100_000


class Broken(Exception):
    """The other side sent something that is no frame, or nothing at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a worker made of a file: its text, or why it could not be read."""

    extracted: Extracted | None
    failure: str = ""
    """Where the reader gave up (`BadZipFile at zipfile.py:1303`), without anything of the file."""


def longest_reply(limits: Limits) -> int:
    """Bytes; whatever claims to be longer is not a worker of ours."""
    return limits.characters * _BYTES_PER_CHARACTER + _ROOM_FOR_NOTES_BYTES


def pack_limits(limits: Limits) -> str:
    return json.dumps({**asdict(limits), "time": limits.time.total_seconds()})


def unpack_limits(text: str) -> Limits:
    fields = json.loads(text)
    return Limits(**{**fields, "time": timedelta(seconds=fields["time"])})


def pack_file(data: bytes, *, name: str, content_type: str) -> tuple[bytes, bytes]:
    """Two parts to be sent one after the other, so that a large file is not copied."""
    head = json.dumps({"name": name, "content_type": content_type}).encode()
    return _LENGTH.pack(len(head)) + head + _LENGTH.pack(len(data)), data


def read_file(stream: BinaryIO, limits: Limits) -> File | None:
    """The next file, or None at the end of the stream."""
    head = _read(stream)
    data = _read(stream)
    if head is None or data is None:
        return None
    about = json.loads(head)
    return File(data=data, name=about["name"], content_type=about["content_type"], limits=limits)


def pack_reply(reply: Reply) -> bytes:
    body: dict[str, object] = {"failure": reply.failure}
    if reply.extracted is not None:
        body |= {"text": reply.extracted.text, "complete": reply.extracted.complete}
    # A mail's raw headers may hold lone surrogates, which no charset has.
    encoded = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return _LENGTH.pack(len(encoded)) + encoded


async def read_reply(stream: asyncio.StreamReader, limits: Limits) -> Reply:
    """Raises Broken."""
    try:
        (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        if length > longest_reply(limits):
            raise Broken
        return _parse_reply(json.loads(await stream.readexactly(length)))
    except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
        raise Broken from error


def _parse_reply(body: object) -> Reply:
    match body:
        case {"text": str(text), "complete": bool(complete)}:
            return Reply(extracted=Extracted(text=text, complete=complete))
        case {"failure": str(failure)} if _FAILURE.fullmatch(failure):
            return Reply(extracted=None, failure=failure)
        case _:
            raise Broken


def _read(stream: BinaryIO) -> bytes | None:
    prefix = stream.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(prefix)
    data = stream.read(length)
    return data if len(data) == length else None
