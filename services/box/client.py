"""One account of Box, read over its API."""

from __future__ import annotations

import asyncio
import functools
import mimetypes
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from requests.adapters import HTTPAdapter

from errors import NotFound, SourceTimeout, SourceUnavailable
from services.box.refusals import NO_SUCH_FILE, About, refusal
from services.box.replies import TOO_SLOW, Limits, Reply
from services.box.retries import Retries
from services.box.sign_in import BoxApp, read_token
from services.box.threads import Threads
from services.box.values import FILE_FIELDS, File, Folder, Person, Representation, SearchPage, read
from services.tokens import Token, TokenCache

if TYPE_CHECKING:
    from services.box.sdk import Sdk

MOST_PER_PAGE: Final = 200
"""Hits of one search (box-openapi, GET /search)."""
MOST_JSON_BYTES: Final = 8_000_000
_MOST_TOKEN_BYTES: Final = 100_000
_ID: Final = re.compile(r"[0-9]{1,20}")
_PAGES: Final = frozenset({"text/html", "application/json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes of a file, or of another form of it."""

    data: bytes
    content_type: str
    """As it was said, with its parameters; "" where nothing was."""
    complete: bool
    """False where more was to come than was allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady:
    """It will be there, but is not yet."""

    retry_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class _Get:
    """One GET, and how its answer is to be taken."""

    target: str
    about: About
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    most_bytes: int = MOST_JSON_BYTES


class Box:
    """What one app may read in Box.

        box = Box(app=app, adapter=egress.requests_adapter(host_policy(base_url)), base_url=base_url, clock=clock)
        page = await box.search("quarterly plan", limit=20)

    Every call raises SourceUnauthorized, SourceRateLimited, SourceTimeout or SourceUnavailable with words for the
    owner. A token that Box refuses is replaced once. A request that found no connection, or was answered by 5xx, or by
    a 429 that names a wait of at most two seconds, is sent once more within the call's timeout, unless much was
    repeated lately; every other 429 is told at once. No thread sleeps meanwhile.

    The SDK blocks, so each request occupies a thread. A caller that is cancelled leaves at once; its thread goes on
    until the head of the answer is there and then stops at the next piece, or after 8 s without a byte
    (`sdk.READ_TIMEOUT`), and counts until then: a hung Box can hold `threads` of them and no more, and later calls wait
    for a place within their own timeout.
    """

    def __init__(
        self,
        *,
        app: BoxApp,
        adapter: HTTPAdapter,
        base_url: str,
        clock: Callable[[], datetime],
        threads: int = 12,
        timeout: timedelta = timedelta(seconds=15),
    ) -> None:
        """`base_url` without a trailing slash: `https://api.box.com`. `timeout` is for one call from its start to the
        last byte. The adapter is closed with this."""
        self._app = app
        self._adapter = adapter
        self._base_url = base_url
        self._timeout = timeout
        self._threads = Threads(threads)
        self._retries = Retries()
        self._tokens = TokenCache(self._sign_in, clock=clock)
        self._loaded: Sdk | None = None

    async def me(self) -> Person:
        """Whom the token stands for."""
        reply = await self._get(_Get(target="/2.0/users/me", about=About.ACCOUNT, params={"fields": "id,name,login"}))
        return read(Person, reply)

    async def folder(self, id: str) -> Folder:
        """A folder that the source is kept to. Raises SourceUnauthorized where the account does not see it."""
        request = _Get(target=f"/2.0/folders/{id}", about=About.FOLDER, params={"fields": "id,name", "limit": "1"})
        return read(Folder, await self._get(request))

    async def search(self, query: str, *, limit: int, offset: int = 0, folder: str | None = None) -> SearchPage:
        """Files whose name, description, content, comments or tags match, best first; `limit` is 1 to 200.

        `query` is taken as it stands, with Box's operators: whoever writes it sees to it that it means what it should.
        `folder`: only files in this folder, however deep. Raises SourceUnauthorized where the account does not see it.
        """
        params = {
            "query": query,
            "type": "file",
            "content_types": "name,description,file_content,comments,tags",
            "fields": ",".join(FILE_FIELDS),
            "limit": str(limit),
            "offset": str(offset),
        }
        if folder is not None:
            params["ancestor_folder_ids"] = folder
        about = About.ACCOUNT if folder is None else About.FOLDER
        return read(SearchPage, await self._get(_Get(target="/2.0/search", about=about, params=params)))

    async def file(self, id: str, *, representations: Sequence[str]) -> File:
        """One file, and the state of these other forms of it: markdown, extracted_text. Raises NotFound."""
        params = {"fields": ",".join((*FILE_FIELDS, "version_number", "representations"))}
        request = _Get(
            target=f"/2.0/files/{_checked(id)}",
            about=About.FILE,
            params=params,
            headers={"x-rep-hints": "".join(f"[{kind}]" for kind in representations)},
        )
        file = read(File, await self._get(request))
        if file.id != id or file.type != "file":
            raise SourceUnavailable("Box answered with another file than the one asked for.")
        return file

    async def ask_for(self, representation: Representation) -> Representation:
        """It, as it is by now. Asking makes Box begin with one that is not there yet. Raises NotFound."""
        told = read(Representation, await self._get(_Get(target=representation.info_url, about=About.FILE)))
        # Where it lies was told with the file; not every answer repeats it.
        url_template = told.url_template or representation.url_template
        return representation.model_copy(update={"state": told.state, "url_template": url_template})

    async def text(self, representation: Representation, *, most_bytes: int) -> Content | NotReady:
        """The text of a representation that is ready. Raises NotFound where it cannot be had after all."""
        request = _Get(target=representation.content_url, about=About.FILE, most_bytes=most_bytes)
        return _content(await self._get(request), expected="text/plain")

    async def download(self, file: File, *, most_bytes: int) -> Content | NotReady:
        """The file's own bytes, from where Box sends us on to. Raises NotFound where the account may not have them."""
        request = _Get(target=f"/2.0/files/{_checked(file.id)}/content", about=About.FILE, most_bytes=most_bytes)
        return _content(await self._get(request), expected=mimetypes.guess_type(file.name)[0])

    async def aclose(self) -> None:
        """Stop signing in, and close the connections. Threads that are busy end with what they are doing."""
        await self._tokens.aclose()
        self._threads.close()
        self._adapter.close()

    async def _get(self, request: _Get) -> Reply:
        """A reply that is 200, or 202. Raises what the class says."""
        limits = Limits.starting_now(most_bytes=request.most_bytes, timeout=self._timeout)
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                reply = await self._ask(request, limits)
        except TimeoutError as error:
            raise SourceTimeout(TOO_SLOW) from error
        finally:
            limits.give_up()
        if reply.status not in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
            raise refusal(reply, request.about)
        return reply

    async def _ask(self, request: _Get, limits: Limits) -> Reply:
        token = await self._tokens.get()
        reply = await self._retries.persist(functools.partial(self._send, request, token, limits))
        if reply.status != HTTPStatus.UNAUTHORIZED:
            return reply
        self._tokens.reject(token)
        return await self._send(request, await self._tokens.get(), limits)

    async def _send(self, request: _Get, token: Token, limits: Limits) -> Reply:
        return await self._threads.run(functools.partial(self._send_blocking, request, token, limits))

    def _send_blocking(self, request: _Get, token: Token, limits: Limits) -> Reply:
        return self._sdk().get(
            request.target, params=request.params, headers=request.headers, token=token.value, limits=limits
        )

    async def _sign_in(self) -> Token:
        limits = Limits.starting_now(most_bytes=_MOST_TOKEN_BYTES, timeout=self._timeout)
        ask = functools.partial(self._ask_for_token_blocking, limits)
        try:
            return read_token(await self._retries.persist(functools.partial(self._threads.run, ask)))
        finally:
            limits.give_up()

    def _ask_for_token_blocking(self, limits: Limits) -> Reply:
        return self._sdk().ask_for_token(self._app.form(), limits)

    def _sdk(self) -> Sdk:
        """In a thread. Two at once may both make one, of which either will do."""
        if self._loaded is None:
            # The vendor's SDK takes half a second and 40 MB to load; processes without a Box do without it.
            from services.box.sdk import Sdk  # noqa: PLC0415

            self._loaded = Sdk(self._adapter, self._base_url)
        return self._loaded


def _checked(id: str) -> str:
    """Raises NotFound for an id that Box cannot have given: it goes into an address."""
    if not _ID.fullmatch(id):
        raise NotFound(NO_SUCH_FILE)
    return id


def _content(reply: Reply, *, expected: str | None) -> Content | NotReady:
    """Raises SourceUnavailable for a page that something on the way put in the content's place."""
    if reply.status == HTTPStatus.ACCEPTED:
        return NotReady(retry_after=reply.retry_after() or timedelta(seconds=1))
    said = reply.content_type.partition(";")[0].strip().lower()
    if said in _PAGES and said != expected:
        raise SourceUnavailable("Box answered with something that is not the file.")
    return Content(data=reply.content, content_type=reply.content_type, complete=reply.complete)
