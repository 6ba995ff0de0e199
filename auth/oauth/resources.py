"""Which gateway a client means (RFC 8707), in one spelling."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from errors import OAuthError

_LONGEST: Final = 300
_PATHS: Final = frozenset({"", "/", "/mcp", "/mcp/"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def resource_of(gateway_url: str) -> str:
    """The identifier of the resource behind a gateway's base URL: the address that people paste."""
    return f"{gateway_url}/mcp"


def gateway_of(resource: str) -> str:
    """The base URL of the gateway that is meant, as the pool spells it. Clients send the address with a slash behind
    it, or the bare origin. Raises OAuthError (invalid_target) for anything that can be no gateway."""
    try:
        parts = urlsplit(resource)
        port = parts.port
    except ValueError as error:
        raise _no_gateway() from error
    host = parts.hostname or ""
    plain = parts.scheme in _DEFAULT_PORTS and parts.path in _PATHS and "?" not in resource and "#" not in resource
    clean = resource.isascii() and resource.isprintable() and " " not in resource and "\\" not in resource
    if not (plain and clean and host and "@" not in parts.netloc and len(resource) <= _LONGEST):
        raise _no_gateway()
    named = f"[{host}]" if ":" in host else host
    suffix = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{named}{suffix}"


def _no_gateway() -> OAuthError:
    return OAuthError(
        "invalid_target", "The resource must be the address of an MCP server here, as in https://host/mcp."
    )
