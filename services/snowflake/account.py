"""One Snowflake account, asked over HTTP with one programmatic access token."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final, TypeVar

import httpx2
from pydantic import BaseModel, ConfigDict, JsonValue, SecretStr, ValidationError

from errors import SourceError, SourceRateLimited, SourceTimeout, SourceUnavailable
from services.retries import LONGEST_PAUSE, RetryBudget, is_worth
from services.snowflake.refusals import NOT_FOUND, REJECTED, STRANGE, UNREACHABLE, refusal

USER_AGENT: Final = "gatehouse/1.0"
REQUEST_TIMEOUT: Final = timedelta(seconds=30)
LARGEST_REPLY_BYTES: Final = 16 * 1024 * 1024
"""After decompression."""

_CONNECT_S: Final = 5.0
_PAUSES_S: Final = (0.2, 0.8)
"""Before the one repetition: somewhere between these, so that callers who failed together do not return together."""
_NOT_PROCESSED: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""sqlapi.yaml on 503 and 504: "The request was not processed. The application may retry with jittered backoff"."""

ReplyT = TypeVar("ReplyT", bound="Reply")
Sleep = Callable[[float], Awaitable[None]]


class Reply(BaseModel):
    """The edge: what we read of a reply's JSON. Everything else in it is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Problem(Reply):
    code: str | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of an interface."""

    method: str
    path: str
    """Encoded, from the account URL on: `/api/v2/statements`."""
    params: Mapping[str, str] | None = None
    body: Mapping[str, JsonValue] | None = None
    repeat: Mapping[str, str] | None = None
    """Parameters added when the call is made a second time, so that Snowflake knows it for the same."""
    is_repeatable: bool = True
    """Whether it may be made again when its reply was lost. One that was not processed always may."""
    timeout: timedelta = REQUEST_TIMEOUT
    """For both attempts together."""
    missing: str = NOT_FOUND
    """What a 404 of the interface means."""
    rejected: str = REJECTED
    """What a 400 or 422 with an unknown code means."""


@dataclass(frozen=True, slots=True)
class Success:
    """A reply below 300: its status, and its body as JSON that nobody has looked into."""

    status: int
    body: bytes

    def read(self, form: type[ReplyT]) -> ReplyT:
        """Raises SourceUnavailable where the body has another form."""
        try:
            return form.model_validate_json(self.body)
        except ValidationError as error:
            raise SourceUnavailable(STRANGE) from error


class Account:
    """Sends requests, at most twice each and few of them so when much was repeated lately, and turns everything but
    success into our errors."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        url: str,
        token: SecretStr,
        *,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`url` without a slash at its end. Closing `http` is the caller's business."""
        self.sleep = sleep
        self._http = http
        self._url = url
        self._token = token
        self._jitter = jitter
        self._retries = RetryBudget()

    async def send(self, request: Request) -> Success:
        """Raises the SourceErrors of `refusals`, SourceTimeout after the request's time, and SourceUnavailable when
        there is no reply or none that can be read."""
        self._retries.earn()
        try:
            async with asyncio.timeout(request.timeout.total_seconds()):
                try:
                    return await self._attempt(request, {})
                except _Repeatable as failure:
                    pause_s = failure.pause(self._jitter)
                    if not self._retries.spend():
                        raise
                    await self.sleep(pause_s)
                    return await self._attempt(request, request.repeat or {})
        except _Repeatable as failure:
            raise failure.error from failure.__cause__
        except TimeoutError as error:
            raise SourceTimeout(_too_slow(request.timeout)) from error

    async def _attempt(self, request: Request, more: Mapping[str, str]) -> Success:
        try:
            response, body = await self._exchange(request, more)
        except httpx2.ConnectError as error:
            raise _Repeatable(SourceUnavailable(UNREACHABLE)) from error
        except httpx2.TimeoutException as error:
            raise SourceTimeout("Snowflake did not answer.") from error
        except httpx2.RequestError as error:
            lost = SourceUnavailable("The connection to Snowflake broke off.")
            raise (_Repeatable(lost) if request.is_repeatable else lost) from error
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise _problem(request, response, body)
        if not _is_json(response):
            raise SourceUnavailable(STRANGE)
        return Success(response.status_code, body)

    async def _exchange(self, request: Request, more: Mapping[str, str]) -> tuple[httpx2.Response, bytes]:
        body = bytearray()
        async with self._http.stream(
            request.method,
            f"{self._url}{request.path}",
            params={**(request.params or {}), **more},
            json=request.body,
            headers=self._headers(),
            timeout=httpx2.Timeout(request.timeout.total_seconds(), connect=_CONNECT_S),
            follow_redirects=False,
        ) as response:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > LARGEST_REPLY_BYTES:
                    raise SourceUnavailable("Snowflake's answer is larger than this gateway takes.")
        return response, bytes(body)

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token.get_secret_value()}",
            "X-Snowflake-Authorization-Token-Type": "PROGRAMMATIC_ACCESS_TOKEN",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }


class _Repeatable(Exception):
    """An attempt that may be made once more; what to raise if that fails too."""

    def __init__(self, error: SourceError) -> None:
        super().__init__(error.message)
        self.error = error

    def pause(self, jitter: Callable[[float, float], float]) -> float:
        """Seconds to wait. Raises the error itself where Snowflake asks for more patience than a search has, and where
        no time is left for another try."""
        asked = self.error.retry_after if isinstance(self.error, SourceRateLimited) else None
        wanted = timedelta(seconds=jitter(*_PAUSES_S)) if asked is None else asked
        if wanted > LONGEST_PAUSE or not is_worth(wanted):
            raise self.error
        return wanted.total_seconds()


def _problem(request: Request, response: httpx2.Response, body: bytes) -> SourceError | _Repeatable:
    is_json = _is_json(response)
    error = refusal(
        response.status_code,
        _code(body) if is_json else None,
        is_snowflake=is_json,
        missing=request.missing,
        rejected=request.rejected,
        retry_after=_retry_after(response),
    )
    passes = response.status_code in _NOT_PROCESSED and isinstance(error, SourceRateLimited | SourceUnavailable)
    return _Repeatable(error) if passes else error


def _is_json(response: httpx2.Response) -> bool:
    kind: str = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json"


def _code(body: bytes) -> str | None:
    try:
        problem = _Problem.model_validate_json(body)
    except ValidationError:
        return None
    return problem.code or problem.error_code


def _retry_after(response: httpx2.Response) -> timedelta | None:
    """Of the two forms that HTTP has, only seconds: Snowflake publishes neither."""
    seconds: str = response.headers.get("retry-after", "")
    return timedelta(seconds=min(int(seconds), 3_600)) if seconds.isascii() and seconds.isdigit() else None


def _too_slow(timeout: timedelta) -> str:
    return f"Snowflake did not answer within {timeout.total_seconds():g} s."
