"""Where a customer's database is: parsed, and narrowed to what can be reached safely."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

LONGEST_URL: Final = 1_000
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Kind(StrEnum):
    """The databases that can be reached; MariaDB speaks MySQL's protocol and counts as it."""

    POSTGRESQL = "postgresql"
    MYSQL = "mysql"
    SQLITE = "sqlite"


class Tls(StrEnum):
    """How the way to a server is encrypted, under the names PostgreSQL gave them."""

    DISABLE = "disable"
    REQUIRE = "require"
    """Encrypted, without asking who is at the other end."""
    VERIFY_FULL = "verify-full"
    """Encrypted, with a certificate for this host name that this machine trusts."""


DRIVERS: Final = {
    "postgresql": Kind.POSTGRESQL,
    "postgresql+asyncpg": Kind.POSTGRESQL,
    "mysql": Kind.MYSQL,
    "mysql+asyncmy": Kind.MYSQL,
    "mariadb": Kind.MYSQL,
    "mariadb+asyncmy": Kind.MYSQL,
    "sqlite": Kind.SQLITE,
    "sqlite+aiosqlite": Kind.SQLITE,
}
PORTS: Final = {Kind.POSTGRESQL: 5432, Kind.MYSQL: 3306}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """A database behind a host and a port."""

    kind: Kind
    host: str
    port: int
    database: str
    user: str
    tls: Tls


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAddress:
    """An SQLite file, as it was named: relative to the operator's folder, or with its whole path."""

    path: str
    kind: Kind = Kind.SQLITE


Address = ServerAddress | FileAddress


def parse_address(url: str) -> Address:
    """The address in a SQLAlchemy URL without a password. Raises ValueError with a sentence for whoever typed it."""
    parsed = _parsed(url)
    kind = DRIVERS.get(parsed.drivername)
    if kind is None:
        raise ValueError("the URL must begin with postgresql://, mysql://, mariadb:// or sqlite:///")
    if parsed.password is not None:
        raise ValueError("the URL must not hold a password: write it into the password field, where it is kept sealed")
    return _file(parsed) if kind is Kind.SQLITE else _server(parsed, kind)


def _parsed(url: str) -> URL:
    if len(url) > LONGEST_URL or _CONTROL.search(url):
        raise ValueError("this is no database URL")
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # The library's own sentence would repeat the URL, and with it a password that was typed there.
        raise ValueError(
            "this is no database URL; one looks like postgresql://reader@db.example.com:5432/crm"
        ) from None


def _file(parsed: URL) -> FileAddress:
    if parsed.host or parsed.username or parsed.port:
        raise ValueError("an SQLite URL has three slashes and the name of a file: sqlite:///customers.db")
    if parsed.query:
        raise ValueError("an SQLite URL takes no options")
    if not parsed.database or parsed.database.startswith(("file:", ":")):
        raise ValueError("the URL must name a file: sqlite:///customers.db")
    return FileAddress(path=parsed.database)


def _server(parsed: URL, kind: Kind) -> ServerAddress:
    host = parsed.host or ""
    if not _is_address(host) and not _HOST.fullmatch(host):
        raise ValueError("the URL must name one host, such as db.example.com")
    if not parsed.username:
        raise ValueError("the URL must name the database user: postgresql://reader@db.example.com/crm")
    if not parsed.database:
        raise ValueError("the URL must name the database behind the host: postgresql://reader@db.example.com/crm")
    port = parsed.port or PORTS[kind]
    if port > 65_535:  # noqa: PLR2004 - the last TCP port
        raise ValueError("the URL names a port that does not exist")
    return ServerAddress(
        kind=kind,
        host=host.lower(),
        port=port,
        database=_without_control(parsed.database),
        user=_without_control(parsed.username),
        tls=_tls(parsed, host),
    )


def _tls(parsed: URL, host: str) -> Tls:
    """What `?sslmode=` says; without it, verified encryption, except on this machine itself."""
    options = dict(parsed.query)
    charset = options.pop("charset", "utf8mb4")
    chosen = options.pop("sslmode", Tls.DISABLE if _is_loopback(host) else Tls.VERIFY_FULL)
    if options or charset != "utf8mb4":
        raise ValueError("the URL has an option that is not supported; sslmode is the only one")
    if chosen not in set(Tls):
        raise ValueError("sslmode must be disable, require or verify-full")
    return Tls(chosen)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _without_control(part: str) -> str:
    """The percent-decoded part of a URL: decoding may have brought back what the URL itself may not hold."""
    if _CONTROL.search(part):
        raise ValueError("this is no database URL")
    return part
