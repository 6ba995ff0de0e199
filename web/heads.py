"""The protocol under the application, which reads no more of a request's head than anybody needs.

Neither httptools nor uvicorn's part over it bounds the request line and the headers: whoever sends them without end
fills the memory of the process.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from errors import HeadTooLarge
from schemas.problems import problem_of
from web.headers import safety_headers
from web.problems import MEDIA_TYPE

LARGEST_HEAD_BYTES: Final = 32 * 1024

_PROBLEM: Final = problem_of(HeadTooLarge("The request line and headers are longer than anything this takes."))
_BODY: Final = _PROBLEM.model_dump_json(exclude_none=True).encode()
_HEADERS: Final = {
    **safety_headers(strict_transport=False),
    "Content-Type": MEDIA_TYPE,
    "Content-Length": str(len(_BODY)),
    "Connection": "close",
}


class BoundedHeads(HttpToolsProtocol):
    """Answers 431 to a head of more than 32 KB, and hangs up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._served = self.app
        self._read_bytes = 0
        self._in_head = True

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._read_bytes += len(data)
            if self._read_bytes > LARGEST_HEAD_BYTES and not self.transport.is_closing():
                self._refuse_and_close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._read_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        whole = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        self.app = self._served if whole <= LARGEST_HEAD_BYTES else _head_too_large
        super().on_headers_complete()

    def _refuse_and_close(self) -> None:
        lines = [f"HTTP/1.1 {_PROBLEM.status} {_PROBLEM.title}", *(f"{name}: {_HEADERS[name]}" for name in _HEADERS)]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + _BODY)
        self.transport.close()


async def _head_too_large(_scope: Scope, _receive: Receive, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
    await send({"type": "http.response.start", "status": _PROBLEM.status, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})
