"""The same guarded transport for libraries that insist on classic httpx."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import httpx2

from services.egress.transport import GuardedTransport


class ClassicTransport(httpx.AsyncBaseTransport):
    """Hands requests of httpx over to httpx2, whose names for everything are the same."""

    def __init__(self, inner: GuardedTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not isinstance(request.stream, httpx.AsyncByteStream):
            raise TypeError("an asynchronous transport sends asynchronous bodies only")
        with _errors_of_httpx():
            outgoing = httpx2.Request(
                request.method,
                str(request.url),
                headers=request.headers.raw,
                stream=_Sent(request.stream),
                extensions=dict(request.extensions),
            )
            response = await self._inner.handle_async_request(outgoing)
        if not isinstance(response.stream, httpx2.AsyncByteStream):
            raise TypeError("an asynchronous transport returns asynchronous bodies only")
        return httpx.Response(
            response.status_code,
            headers=response.headers.raw,
            stream=_Received(response.stream),
            extensions=dict(response.extensions),
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Sent(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Received(httpx.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        with _errors_of_httpx():
            await self._stream.aclose()


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    try:
        yield
    except httpx2.InvalidURL as error:
        raise httpx.InvalidURL(str(error)) from error
    except httpx2.TransportError as error:
        raise _counterpart(type(error))(str(error)) from error


def _counterpart(kind: type[httpx2.TransportError]) -> type[httpx.TransportError]:
    """The class of httpx that is called like this one, or like its nearest ancestor that httpx knows."""
    for ancestor in kind.__mro__:
        found = getattr(httpx, ancestor.__name__, None)
        if isinstance(found, type) and issubclass(found, httpx.TransportError):
            return found
    return httpx.TransportError
