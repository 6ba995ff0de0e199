"""The gateway domains there are: as the settings list them, and as the operator has added or retired since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from database.engine import Database
from repositories.domains import Domains

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def port_of(url: str) -> int:
    """The port that a base URL is served on."""
    parts = urlsplit(url)
    return parts.port or _DEFAULT_PORTS[parts.scheme]


def authority(url: str) -> str:
    """How a base URL is known in a Host header: its host, and its port unless that is the scheme's default."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return host if port_of(url) == _DEFAULT_PORTS[parts.scheme] else f"{host}:{parts.port}"


def spellings(url: str) -> Sequence[str]:
    """Every Host header that means this base URL: the authority, also with the default port written out."""
    name = authority(url)
    return (name, f"{name}:{port_of(url)}") if port_of(url) == _DEFAULT_PORTS[urlsplit(url).scheme] else (name,)


class GatewayPool:
    """The pool, in the order in which its domains are given out: the settings' first, then those added later."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._configured = tuple(urls)
        self.urls: Mapping[str, str] = {}
        """Base URL by domain."""
        self._by_spelling: Mapping[str, str] = {}
        self._set(self._configured)

    @property
    def domains(self) -> Sequence[str]:
        return tuple(self.urls)

    def __contains__(self, domain: str) -> bool:
        return domain in self.urls

    def find(self, host: str) -> str | None:
        """The domain that a Host header means."""
        return self._by_spelling.get(host)

    async def refresh(self, database: Database) -> None:
        """Takes in what was added and retired. Called every second, so that a change acts everywhere within two."""
        async with database.reading() as session:
            changes = await Domains(session).list_pool_changes()
        retired = {change.domain for change in changes if change.retired}
        added = [change.url for change in changes if not change.retired]
        self._set([url for url in (*self._configured, *added) if authority(url) not in retired])

    def _set(self, urls: Sequence[str]) -> None:
        self.urls = MappingProxyType({authority(url): url for url in urls})
        self._by_spelling = {spelling: authority(url) for url in urls for spelling in spellings(url)}
