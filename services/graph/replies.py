"""What came back over HTTP, whole and within bounds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from errors import SourceUnavailable

_LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether this is what was asked for; all our requests are answered with 200 or refused."""
        return self.status == HTTPStatus.OK

    def retry_after(self) -> timedelta | None:
        """How long the vendor wants us to wait, at most an hour. Graph and Entra write it in seconds."""
        seconds = self.headers.get("retry-after", "")
        if not seconds.isascii() or not seconds.isdecimal():
            return None
        return min(timedelta(seconds=int(seconds[:6])), _LONGEST_WAIT)


async def read_within(pieces: AsyncIterator[bytes], most_bytes: int) -> bytes:
    """A whole body. Raises SourceUnavailable when it is longer than `most_bytes`, without having read the rest."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > most_bytes:
            raise SourceUnavailable(f"Microsoft's answer was larger than {most_bytes // 1_000_000} MB and was dropped.")
    return bytes(body)
