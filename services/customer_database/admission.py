"""Which of the databases that users name may be reached, and at which address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from errors import EgressRefused
from services.customer_database.addresses import DRIVERS, PORTS, FileAddress, ServerAddress, Tls
from services.egress import Egress
from services.egress.addresses import is_public
from services.egress.guard import NOT_PUBLIC

_FIRST_PORT: Final = 1024
"""Below it are the ports of mail, remote shells and the like, and of no database."""

_BAD_PORT: Final = (
    "A database is reached at a port from 1024 up that the gateway does not use itself. Correct the port, or ask the "
    "operator to list the database in CUSTOMER_DATABASES."
)
_PRIVATE: Final = (
    "The database is in a private network. Ask the operator to list it in CUSTOMER_DATABASES, or to add its network to "
    "EGRESS_ALLOW."
)
_UNVERIFIED: Final = (
    "A database on the public internet is reached only by an encrypted connection to a verified server. Take sslmode "
    "out of the URL, or ask the operator to list the database in CUSTOMER_DATABASES."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The rules of one process: what the operator listed is reached as it stands, everything else by the egress rules,
    at no privileged port, and on the public internet only with a verified certificate."""

    egress: Egress
    listed: tuple[str, ...] = ()
    """SQLAlchemy URLs without credentials; one without a path means every database of that server."""
    closed_ports: frozenset[int] = frozenset()
    """Those that the gateway itself listens on."""

    async def admit(self, server: ServerAddress) -> str:
        """What to dial for one new connection; ask again for the next one, because names change their addresses.
        Raises EgressRefused, with whom to ask for what."""
        if is_listed(server, self.listed):
            return server.host
        if server.port < _FIRST_PORT or server.port in self.closed_ports:
            raise EgressRefused(_BAD_PORT)
        pinned = await self._pin(server)
        if server.tls is not Tls.VERIFY_FULL and is_public(ip_address(pinned)):
            raise EgressRefused(_UNVERIFIED)
        return pinned

    async def _pin(self, server: ServerAddress) -> str:
        try:
            return await self.egress.pin(server.host, server.port)
        except EgressRefused as error:
            if error.message == NOT_PUBLIC:
                raise EgressRefused(_PRIVATE) from error
            raise


def is_listed(server: ServerAddress, listed: Iterable[str]) -> bool:
    """Whether the operator's list has this database, or its server as a whole."""
    return any(_covers(entry, server) for entry in listed)


def _covers(entry: str, server: ServerAddress) -> bool:
    url = make_url(entry)
    return (
        DRIVERS.get(url.drivername) is server.kind
        and (url.host or "").lower() == server.host
        and (url.port or PORTS[server.kind]) == server.port
        and url.database in (None, "", server.database)
    )


def find_file(address: FileAddress, folder: Path | None) -> Path:
    """The real path of the file. Raises EgressRefused unless it lies below the operator's folder.

    What lies elsewhere and what is not there get the same answer, so that nobody can feel around the disk.
    """
    if folder is None:
        raise EgressRefused("SQLite files cannot be connected here: the operator has set no folder for them.")
    try:
        home = folder.resolve(strict=True)
        path = (home / address.path).resolve(strict=True)
    except (OSError, RuntimeError):
        path = home = folder
    if not path.is_relative_to(home) or not path.is_file():
        raise EgressRefused("There is no such SQLite file in the folder that the operator has set for them.")
    return path
