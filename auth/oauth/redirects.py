"""Where people may be sent after they have decided: which addresses a client may name, and which of them is meant.

Addresses are compared as they are written, character by character (RFC 9700, section 4.1.3). The one exception is the
port of a loopback address, which a native client learns only when it starts to listen (RFC 8252, section 7.3).
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Final, NoReturn, Protocol
from urllib.parse import parse_qsl

from errors import BadRedirect, InvalidRedirectUri
from services.egress.addresses import parse
from services.egress.policy import is_host

_LONGEST: Final = 2_000
_LAST_PORT: Final = 65_535
# RFC 3986, appendix A, without `#`, which would begin a fragment, and without `*`, which somebody would take for a
# wildcard. The schemes of people's machines are not case-sensitive, so only one spelling of each is taken.
_CHARACTERS: Final = r"[A-Za-z0-9._~:/?@!$&'()+,;=%\[\]-]"
_URI: Final = re.compile(rf"([a-z][a-z0-9+.-]+):({_CHARACTERS}+)")
_WEB_ADDRESS: Final = re.compile(
    rf"https://(?:\[([0-9a-f:]+)\]|([A-Za-z0-9._-]+))(?::([1-9][0-9]{{0,4}}))?(?:[/?]{_CHARACTERS}*)?"
)
_LOOPBACK: Final = re.compile(
    rf"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::([1-9][0-9]{{0,4}}))?((?:[/?]{_CHARACTERS}*)?)"
)
_NOT_APPS: Final = re.compile(
    r"about|aim|android-app|blob|callto|chrome.*|cid|content|data|dns|facetime|feed|file|filesystem|ftps?|git|gopher|"
    r"googlechrome.*|imap|intent|irc|itms.*|jar|javascript|ldaps?|livescript|mailto|market|mhtml|microsoft-edge.*|mid|"
    r"mms|mocha|moz-.*|ms-.*|news|nfs|nntp|opera|pop|res|resource|rtsp|search|search-ms|sftp|shell|sips?|smb|sms|ssh|"
    r"svn|tel|telnet|urn|vbs|vbscript|view-.*|webcal|wss?|wyciwyg|x-javascript|xmpp"
)
"""Schemes that run, read, dial or open something by themselves, so they are no app's own."""
_OURS: Final = frozenset({"code", "state", "iss", "error", "error_description", "error_uri", "response"})
"""Parameters that we add. A registered query with one of them would come back with two."""


class Redirected(Protocol):
    """A client, as far as this module is concerned."""

    @property
    def redirect_uris(self) -> tuple[str, ...]: ...


def redirect_for(client: Redirected, asked: str | None) -> str:
    """Where to send people for this request: the address asked for if the client has it, or its only one. Raises
    BadRedirect, which must not be answered with a redirect."""
    if asked is None:
        if len(client.redirect_uris) == 1:
            return client.redirect_uris[0]
        raise BadRedirect("The agent must say which of its addresses it wants to be answered at.")
    if asked in client.redirect_uris:
        return asked
    wanted = _without_port(asked)
    if wanted is not None and wanted in map(_without_port, client.redirect_uris):
        return asked
    raise BadRedirect("The agent asks to be answered at an address that it has not named before. Do not go on.")


def is_loopback(uri: str) -> bool:
    """Whether it leads to the reader's own machine, where any program may be listening."""
    return _without_port(uri) is not None


def require_safe(uri: str) -> None:
    """Raises InvalidRedirectUri unless it is an https address, one on loopback, or a private-use scheme's
    (`com.example.app:/callback`, `cursor://...`) that no browser and no operating system gives a meaning to."""
    match = _URI.fullmatch(uri) if len(uri) <= _LONGEST else None
    if match is None:
        _refuse(
            f"Write a redirect URI as a whole URI of up to {_LONGEST} ASCII characters, without fragment and wildcard."
        )
    scheme, rest = match[1], match[2]
    if scheme == "https":
        _require_web_address(uri)
    elif scheme == "http":
        if not is_loopback(uri):
            _refuse("A redirect URI with http must lead to 127.0.0.1, [::1] or localhost; use https for others.")
    elif _NOT_APPS.fullmatch(scheme) or not _is_place(rest):
        _refuse("A redirect URI must begin with https, http on loopback, or a scheme of the app's own.")
    if any(name in _OURS for name, _ in parse_qsl(uri.partition("?")[2], keep_blank_values=True)):
        _refuse("The query of a redirect URI must not hold parameters of the answer, such as code or state.")


def _is_place(rest: str) -> bool:
    """Whether what stands behind a private-use scheme is `/path` or `//host/path`. Without a slash it would be text to
    run or to show (`javascript:`, `mailto:`)."""
    authority = rest[2:].partition("/")[0] if rest.startswith("//") else ""
    return rest.startswith("/") and rest.strip("/") != "" and "@" not in authority


def _require_web_address(uri: str) -> None:
    """By its grammar and not by urlsplit, which makes a host of `[::1]evil.example`."""
    match = _WEB_ADDRESS.fullmatch(uri)
    if match is None or int(match[3] or 1) > _LAST_PORT:
        _refuse("The host and port of a redirect URI cannot be read; a user name must not stand before them.")
    bracketed, name = match[1], match[2]
    known = isinstance(parse(bracketed), IPv6Address) if bracketed else parse(name) is not None or is_host(name.lower())
    if not known:
        _refuse("The host of a redirect URI must be a plain DNS name or an IP address.")


def _without_port(uri: str) -> tuple[str, str] | None:
    """What stands before and behind the port of a loopback address; None for every other."""
    match = _LOOPBACK.fullmatch(uri)
    if match is None or int(match[2] or 1) > _LAST_PORT:
        return None
    return match[1], match[3]


def _refuse(message: str) -> NoReturn:
    raise InvalidRedirectUri(message)
