"""Which hosts one client may talk to, judged by their names alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from services.egress.addresses import parse

HTTPS_PORT = 443
_DEFAULT_PORTS = {"http": 80, "https": HTTPS_PORT}
_LONGEST_NAME = 253
# Snowflake's account names hold underscores. Resolvers take `127.1`, `2130706433` and `0x7f.1` for addresses, so the
# last label must not be a number in any notation.
_HOST = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?!0x)(?=[a-z0-9-]*[a-z])[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
_LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request would go."""

    scheme: str
    host: str
    """In lower case, IPv6 addresses without brackets."""
    port: int

    @classmethod
    def of(cls, scheme: str, host: str, port: int | None) -> Target:
        """With the scheme's default port where none is given; an unknown scheme has none and gets 0."""
        scheme = scheme.lower()
        return cls(scheme, host.lower().strip("[]"), _DEFAULT_PORTS.get(scheme, 0) if port is None else port)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPolicy:
    """Which hosts one client may talk to. Write it in code or from the operator's settings; of what users write, only
    the choice of a host below a suffix, or `anywhere`, is safe."""

    origins: tuple[str, ...] = ()
    """Exact origins (`https://api.box.com`, `http://127.0.0.1:8900`) that the operator or we ourselves chose, with any
    port; a path behind them is ignored. One that names an address or `localhost` says where it leads and is dialled as
    it stands: only an operator writes such. One that names a host must have public addresses, or ones that the operator
    allows."""
    suffixes: tuple[str, ...] = ()
    """`.snowflakecomputing.com`: any https host below it, on port 443."""
    redirects_to: tuple[str, ...] = ()
    """Where a redirect may lead: hosts (`dl.boxcloud.com`) and suffixes by https on port 443, or whole origins. They
    may be asked directly too. Any other redirect is an error."""
    anywhere: bool = False
    """Any https host on port 443."""
    _origins: frozenset[Target] = field(init=False, repr=False, compare=False)
    _redirects: frozenset[Target] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if any(not suffix.startswith(".") or suffix != suffix.lower() for suffix in self.suffixes):
            raise ValueError("a suffix begins with a dot and is written in lower case")
        entries = [entry if "://" in entry else f"https://{entry}" for entry in self.redirects_to if entry[0] != "."]
        object.__setattr__(self, "_origins", frozenset(map(_parse_origin, self.origins)))
        object.__setattr__(self, "_redirects", frozenset(map(_parse_origin, entries)))

    def admits(self, target: Target) -> bool:
        """Whether a request may be sent there."""
        if target in self._origins or self.follows(target):
            return True
        return _is_ordinary(target) and (self.anywhere or _is_below(target.host, self.suffixes))

    def follows(self, target: Target) -> bool:
        """Whether a redirect may lead there."""
        if target in self._redirects:
            return True
        return _is_ordinary(target) and _is_below(target.host, self.redirects_to)

    def dials(self, host: str, port: int) -> bool:
        """Whether a connection may be opened there, by any scheme that the policy admits."""
        return any(self.admits(Target.of(scheme, host, port)) for scheme in _DEFAULT_PORTS)

    def names_address(self, host: str, port: int) -> bool:
        """Whether an origin of this policy is this very address or loopback name, so that it needs no vetting."""
        if parse(host) is None and not is_localhost(host):
            return False
        written = self._origins | self._redirects
        return any(Target.of(scheme, host, port) in written for scheme in _DEFAULT_PORTS)


def is_localhost(host: str) -> bool:
    """Whether a name is reserved for the machine itself (RFC 6761, section 6.3)."""
    return host == _LOCALHOST or host.endswith(f".{_LOCALHOST}")


def is_host(host: str) -> bool:
    """Whether this is a plain DNS name in ASCII and lower case, without a last dot, and no address in disguise."""
    return len(host) <= _LONGEST_NAME and _HOST.fullmatch(host) is not None


def _is_ordinary(target: Target) -> bool:
    if target.scheme != "https" or target.port != HTTPS_PORT or is_localhost(target.host):
        return False
    return parse(target.host) is not None or ("." in target.host and is_host(target.host))


def _is_below(host: str, suffixes: Iterable[str]) -> bool:
    return any(suffix.startswith(".") and host.endswith(suffix) for suffix in suffixes)


def _parse_origin(text: str) -> Target:
    parts = urlsplit(text)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("an origin looks like https://host or http://127.0.0.1:8900")
    return Target.of(parts.scheme, parts.hostname, parts.port)
