"""The HTTP session that Box's SDK is given: one request, bounded in size and time, over a shared adapter."""

from __future__ import annotations

from typing import Any, Final

from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError

from errors import SourceError, SourceTimeout, SourceUnavailable
from services.box.replies import TOO_SLOW, Limits, Reply

_PIECE_BYTES: Final = 65_536
_FIRST_ERROR_STATUS: Final = 400
_MOST_ERROR_BYTES: Final = 100_000


class NotReached(SourceUnavailable):
    """The connection did not come about, or ended before a word was said: asking once more may help."""


class Refused(Exception):
    """Box answered with an error, read already: the SDK would read it whole, however long, and quote it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class OneRequest(Session):
    """Sessions are not safe to share between threads, for their cookies; the adapter with its connections is.

    Making one takes 15 us. Do not close it: that would close the adapter.
    """

    def __init__(self, adapter: HTTPAdapter, limits: Limits) -> None:
        super().__init__()
        self.trust_env = False
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self._limits = limits
        self._response: Response | None = None

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """Raises Refused from status 400 up, SourceTimeout, and requests' own errors."""
        self._limits.check()
        self._response = response = super().send(request, **kwargs)
        if response.status_code >= _FIRST_ERROR_STATUS:
            raise Refused(self._read(response, min(self._limits.most_bytes, _MOST_ERROR_BYTES)))
        return response

    def reply(self) -> Reply:
        """The answer to what was sent. Raises SourceTimeout, and SourceUnavailable for one that broke off."""
        if self._response is None:
            raise RuntimeError("nothing was sent")
        return self._read(self._response, self._limits.most_bytes)

    def release(self) -> None:
        """Gives the connection back, or closes it where the answer was not read to its end."""
        if self._response is not None:
            self._response.close()

    def _read(self, response: Response, most_bytes: int) -> Reply:
        body = bytearray()
        try:
            # `read1` returns with what there is. `iter_content` would wait until a piece is full: with a byte a second
            # no limit of ours would be looked at for hours.
            while len(body) <= most_bytes and (piece := response.raw.read1(_PIECE_BYTES, decode_content=True)):
                self._limits.check()
                body += piece
        except ReadTimeoutError as error:
            raise SourceTimeout(TOO_SLOW) from error
        except HTTPError as error:
            raise SourceUnavailable("Box broke off its answer.") from error
        complete = len(body) <= most_bytes
        return Reply(response.status_code, response.headers, bytes(body[:most_bytes]), complete)


def failure(error: RequestException) -> SourceError:
    """Ours for what kept a request from being answered."""
    if isinstance(error, Timeout):
        return SourceTimeout(TOO_SLOW)
    return NotReached("Box cannot be reached.")
