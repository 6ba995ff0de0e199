"""Clients whose id is the address of a document that describes them (draft-ietf-oauth-client-id-metadata-document-02).

Anybody can make us read an address, signed in or not, so this is done as narrowly as it can be: by https from public
addresses only, without redirects, a few kilobytes within seconds, and nothing that a document names is read in turn.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx2
from pydantic import JsonValue

from auth.oauth.metadata import NO_SECRET, ClientMetadata, Description, describe, parse_metadata
from auth.oauth.redirects import is_loopback
from errors import ClientUnreachable, InvalidClientMetadata, SourceUnavailable, UnknownClient
from services.egress import Egress, HostPolicy
from services.egress.policy import is_host

LARGEST_BYTES: Final = 5 * 1024
"""The draft's advice (section 8.7)."""
PATIENCE: Final = timedelta(seconds=5)
LONGEST_ID: Final = 500

_AT_A_TIME: Final = 64
_FRESH_AT_LEAST: Final = timedelta(minutes=5)
_FRESH_AT_MOST: Final = timedelta(hours=24)
_FRESH_UNSAID: Final = timedelta(hours=1)

# One spelling only, since ids are compared as they are written: no port, no query, no escapes.
_ADDRESS: Final = re.compile(r"https://([a-z0-9.-]+)(/[A-Za-z0-9._~!$&'()+,;=:@/-]+)")
_SPECIAL_USE: Final = frozenset({"alt", "arpa", "internal", "invalid", "local", "localhost", "onion", "test"})
"""Last labels that lead nowhere on the public internet (IANA's registry of special-use domain names)."""
_JSON: Final = re.compile(r"application/(?:[a-z0-9.+_-]+\+)?json")
_MAX_AGE: Final = re.compile(r'(?:^|,)\s*max-age\s*=\s*"?([0-9]{1,9})', re.IGNORECASE)
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_ANYWHERE: Final = HostPolicy(anywhere=True)
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Gatehouse"}
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


@dataclass(frozen=True, slots=True)
class Document:
    """What was read, and for how long it may be believed."""

    description: Description
    fresh_for: timedelta


class Documents:
    """Reads the documents of clients. Remembers nothing."""

    def __init__(self, egress: Egress, *, patience: timedelta = PATIENCE) -> None:
        self._egress = egress
        self._patience_s = patience.total_seconds()
        self._places = asyncio.Semaphore(_AT_A_TIME)

    async def read(self, client_id: str, hosts: Sequence[str]) -> Document:
        """The document at this address, which `host_of` has passed; its https redirect URIs must lead to these hosts or
        below them. Raises ClientUnreachable if it may be there but cannot be read now, else UnknownClient."""
        try:
            async with asyncio.timeout(self._patience_s), self._places:
                headers, body = await self._get(client_id)
        except SourceUnavailable as error:
            raise UnknownClient("The agent's id leads into a private network, or on to another address.") from error
        except (httpx2.HTTPError, TimeoutError) as error:
            raise ClientUnreachable(
                "The document that describes the agent cannot be read at the moment. Try again in a minute."
            ) from error
        return Document(parse_document(client_id, body, hosts), fresh_for(headers))

    async def _get(self, client_id: str) -> tuple[httpx2.Headers, bytes]:
        async with (
            self._egress.client(_ANYWHERE) as client,
            client.stream("GET", client_id, headers=_HEADERS) as response,
        ):
            _require_document(response)
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > LARGEST_BYTES:
                    raise UnknownClient(f"The document that describes the agent is larger than {LARGEST_BYTES} bytes.")
            return response.headers, bytes(body)


def host_of(client_id: str) -> str:
    """The host that vouches for a client with this id. Raises UnknownClient unless the id is an https address with a
    path, in its one spelling, on a public host."""
    match = _ADDRESS.fullmatch(client_id) if len(client_id) <= LONGEST_ID else None
    if match is None:
        raise UnknownClient("The agent's id must be an https address with a path and without port, query and fragment.")
    host, path = match[1], match[2]
    if any(segment in (".", "..") for segment in path.split("/")):
        raise UnknownClient("The path of the agent's id must not contain dot segments.")
    if not is_host(host) or "." not in host or host.rpartition(".")[2] in _SPECIAL_USE:
        raise UnknownClient("The host of the agent's id must be a name on the public internet.")
    return host


def parse_document(client_id: str, body: bytes, hosts: Sequence[str]) -> Description:
    """Raises UnknownClient for a document that is not this client's own, or claims what it cannot."""
    try:
        metadata = parse_metadata(body)
    except InvalidClientMetadata as error:
        raise UnknownClient(f"The document that describes the agent cannot be used. {error.message}") from error
    if metadata.client_id != client_id:
        raise UnknownClient("The document that describes the agent is about another one: its client_id differs.")
    if _holds_secret(metadata):
        raise UnknownClient("The document that describes the agent holds a secret, which everybody can read.")
    if not all(_leads_to(uri, hosts) for uri in metadata.redirect_uris):
        raise UnknownClient("The document that describes the agent sends people to a host that is not its own.")
    description = describe(metadata, _auth_method(metadata))
    if not description.name:
        raise UnknownClient("The document that describes the agent gives it no name.")
    return description


def fresh_for(headers: httpx2.Headers) -> timedelta:
    """How long an answer may be reused (RFC 9111, section 4.2), within our own bounds: a document is read again within
    a day whatever it says, and not at every request."""
    match = _MAX_AGE.search(headers.get("cache-control", ""))
    if match is None:
        forbidden = re.search(r"no-(?:store|cache)", headers.get("cache-control", ""), re.IGNORECASE)
        return _FRESH_AT_LEAST if forbidden else _FRESH_UNSAID
    age = _SECONDS.fullmatch(headers.get("age", ""))
    left = timedelta(seconds=int(match[1]) - int(age[0] if age else 0))
    return max(_FRESH_AT_LEAST, min(_FRESH_AT_MOST, left))


def _require_document(response: httpx2.Response) -> None:
    status = response.status_code
    if status in _GONE or HTTPStatus.OK < status < HTTPStatus.BAD_REQUEST:
        raise UnknownClient("There is no document at the address that the agent gives as its id.")
    if status != HTTPStatus.OK:
        raise ClientUnreachable("The document that describes the agent cannot be read at the moment. Try again later.")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not _JSON.fullmatch(media_type) or response.headers.get("content-encoding", "identity") != "identity":
        raise UnknownClient("The document that describes the agent is not sent as plain application/json.")


def _holds_secret(metadata: ClientMetadata) -> bool:
    if metadata.client_secret is not None or metadata.client_secret_expires_at is not None:
        return True
    method = metadata.token_endpoint_auth_method or NO_SECRET
    return method.startswith("client_secret") or _holds_private_key(metadata.jwks)


def _holds_private_key(jwks: JsonValue) -> bool:
    """Whether a key set has more than public keys: `k` is a shared one, `d` the private half (RFC 7518, section 6)."""
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    return isinstance(keys, list) and any(isinstance(key, dict) and ("k" in key or "d" in key) for key in keys)


def _auth_method(metadata: ClientMetadata) -> str:
    """`none`, or UnknownClient: we know no keys of clients. ChatGPT prefers private_key_jwt and lists none as well."""
    methods = {
        metadata.token_endpoint_auth_method or NO_SECRET,
        *(metadata.token_endpoint_auth_methods_supported or ()),
    }
    if NO_SECRET not in methods:
        raise UnknownClient("The agent's document must name none among its token_endpoint_auth_methods_supported.")
    return NO_SECRET


def _leads_to(uri: str, hosts: Sequence[str]) -> bool:
    """Whether a redirect URI stays with its publisher: at these hosts, below them, or on the reader's own machine. A
    document proves who wrote it, not whose the addresses in it are."""
    if is_loopback(uri) or not uri.startswith("https:"):
        return True
    leads_to = urlsplit(uri).hostname or ""
    return any(leads_to == host or leads_to.endswith(f".{host}") for host in hosts)
