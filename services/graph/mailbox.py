"""One mailbox, read over Graph."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from errors import SourceTimeout, SourceUnavailable
from services.graph.entra import EntraSignIn
from services.graph.refusals import refusal
from services.graph.replies import Reply, read_within
from services.graph.values import (
    ATTACHMENT_FIELDS,
    MESSAGE_FIELDS,
    PREVIEW_FIELDS,
    SEARCH_FIELDS,
    Attachment,
    Message,
    Page,
    read_attachments,
    read_message,
    read_page,
)
from services.retries import WORTH_TRYING, RetryBudget, pause_after
from services.tokens import TokenCache

if TYPE_CHECKING:
    from kiota_abstractions.request_information import RequestInformation

    from services.graph.sdk import Sdk

MOST_AT_ONCE: Final = 4
"""Requests of one app at the same time, more are answered 429 (Graph docs, "Microsoft Graph service-specific
throttling limits", Outlook)."""
_SIGN_IN_TIMEOUT: Final = timedelta(seconds=5)
_LINK: Final = re.compile(r"https?://[\x21-\x5b\x5d-\x7e]{1,8000}")
MOST_JSON_BYTES: Final = 32_000_000
MOST_ATTACHMENTS: Final = 50
"""How many are told of one message."""


class Mailbox:
    """The mail of one user, as an app may read it.

    Every call is one request; it raises SourceUnauthorized, SourceRateLimited, SourceTimeout or SourceUnavailable with
    words for the owner. A request that met a passing trouble is sent once more if there is time, and a token that Graph
    refuses is replaced once.
    """

    def __init__(
        self,
        *,
        user: str,
        http: httpx.AsyncClient,
        base_url: str,
        sign_in: EntraSignIn,
        clock: Callable[[], datetime],
        at_once: int = MOST_AT_ONCE,
        timeout: timedelta = timedelta(seconds=15),
    ) -> None:
        """`user`: an address or the directory's id. `base_url` without a trailing slash: `https://graph.microsoft.com`.
        `timeout` is for one request from its start to its last byte. Client and sign-in are closed with the mailbox."""
        self._user = user
        self._http = http
        self._base_url = base_url
        self._sign_in = sign_in
        self._tokens = TokenCache(sign_in, clock=clock, timeout=min(timeout, _SIGN_IN_TIMEOUT))
        self._slots = asyncio.Semaphore(at_once)
        self._timeout = timeout
        self._retries = RetryBudget()
        self._loaded: Sdk | None = None

    async def newest(self, *, top: int) -> Page:
        """The `top` newest messages, 1 to 1,000, without their bodies."""
        return read_page(await self._get(lambda sdk: sdk.messages(select=PREVIEW_FIELDS, top=top)))

    async def search(self, kql: str, *, top: int) -> Page:
        """Messages that match, newest first, with their text; from 1 to 1,000 of them, though a page may hold fewer.

        `kql` is taken as it stands: whoever writes it sees to it that it is well formed.
        """
        return read_page(await self._get(lambda sdk: sdk.messages(select=SEARCH_FIELDS, top=top, search=kql)))

    async def next_page(self, link: str) -> Page:
        """The page behind a page's link. Raises SourceUnavailable if it leads anywhere but to the same Graph."""
        if not _leads_to_mail(link, self._base_url):
            raise SourceUnavailable("Microsoft Graph sent us on to another address, where we do not go.")
        return read_page(await self._get(lambda sdk: sdk.page(link)))

    async def message(self, id: str) -> Message:
        """One message with all of its text. Raises NotFound."""
        return read_message(await self._get(lambda sdk: sdk.message(id, select=MESSAGE_FIELDS), of_item=True))

    async def attachments(self, message_id: str) -> tuple[Attachment, ...]:
        """What is attached, inline pictures too, at most `MOST_ATTACHMENTS`. Raises NotFound."""
        content = await self._get(
            lambda sdk: sdk.attachments(message_id, select=ATTACHMENT_FIELDS, top=MOST_ATTACHMENTS), of_item=True
        )
        return read_attachments(content)

    async def attachment_content(self, message_id: str, attachment_id: str, *, most_bytes: int) -> bytes:
        """A file's own bytes; of an attached item its MIME, iCalendar or vCard text. A link has none.

        Raises NotFound, and SourceUnavailable if it is larger than `most_bytes`.
        """
        return await self._get(
            lambda sdk: sdk.attachment_content(message_id, attachment_id), most_bytes=most_bytes, of_item=True
        )

    async def aclose(self) -> None:
        """Close the connections, and forget the token."""
        await self._tokens.aclose()
        await self._sign_in.aclose()
        await self._http.aclose()

    async def _get(
        self,
        build: Callable[[Sdk], RequestInformation],
        *,
        most_bytes: int = MOST_JSON_BYTES,
        of_item: bool = False,
    ) -> bytes:
        sdk = await self._sdk()
        try:
            async with self._slots, asyncio.timeout(self._timeout.total_seconds()) as limit:
                reply = await self._ask(functools.partial(self._attempt, sdk, build, most_bytes), limit)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise SourceTimeout("Microsoft Graph did not answer in time.") from error
        except httpx.RequestError as error:
            raise SourceUnavailable("Microsoft Graph cannot be reached, or broke off its answer.") from error
        if not reply.ok:
            raise refusal(reply, of_item=of_item)
        return reply.content

    async def _ask(self, attempt: Callable[[], Awaitable[Reply]], limit: asyncio.Timeout) -> Reply:
        """The answer, asked for once more where that may help, there is time, and not too much was repeated lately."""
        self._retries.earn()
        try:
            reply = await attempt()
        except httpx.TimeoutException:
            raise
        except httpx.RequestError:
            if not await self._waited(pause_after(None, None), limit):
                raise
        else:
            if not await self._waited(pause_after(reply.status, reply.retry_after()), limit):
                return reply
        return await attempt()

    async def _waited(self, pause: timedelta | None, limit: asyncio.Timeout) -> bool:
        """Whether to ask once more, after the pause that comes before."""
        ends_at = limit.when()
        time_left_s = 0.0 if ends_at is None else ends_at - asyncio.get_running_loop().time()
        if pause is None or (pause + WORTH_TRYING).total_seconds() > time_left_s or not self._retries.spend():
            return False
        await asyncio.sleep(pause.total_seconds())
        return True

    async def _attempt(self, sdk: Sdk, build: Callable[[Sdk], RequestInformation], most_bytes: int) -> Reply:
        token = await self._tokens.get()
        reply = await _read(await sdk.send(build(sdk), token=token.value), most_bytes)
        if reply.status != HTTPStatus.UNAUTHORIZED:
            return reply
        self._tokens.reject(token)
        token = await self._tokens.get()
        return await _read(await sdk.send(build(sdk), token=token.value), most_bytes)

    async def _sdk(self) -> Sdk:
        return self._loaded or self._bind(await asyncio.to_thread(_import_sdk))

    def _bind(self, sdk: type[Sdk]) -> Sdk:
        # Several first calls arrive here, and the client's transport must be wrapped once.
        if self._loaded is None:
            self._loaded = sdk(self._http, self._base_url, self._user)
        return self._loaded


def _leads_to_mail(link: str, base_url: str) -> bool:
    if not _LINK.fullmatch(link):
        return False
    allowed, asked = urlsplit(base_url), urlsplit(link)
    same_origin = (asked.scheme, asked.netloc) == (allowed.scheme, allowed.netloc)
    return same_origin and asked.path.startswith(f"{allowed.path}/v1.0/users") and ".." not in asked.path


def _import_sdk() -> type[Sdk]:
    # The vendor's SDK is slow to load; processes without a mailbox do without it.
    from services.graph.sdk import Sdk  # noqa: PLC0415

    return Sdk


async def _read(response: httpx.Response, most_bytes: int) -> Reply:
    try:
        content = await read_within(response.aiter_bytes(), most_bytes)
    finally:
        await response.aclose()
    return Reply(response.status_code, response.headers, content)
