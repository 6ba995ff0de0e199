"""The documents of agents that most people use, as their vendors publish them. Facts, with the day they were read.

They are known without being fetched: the vendors' bot protection answers some data centres with 403, and what people
connect most should not hang on it. `python main.py refresh-clients` reads them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from auth.oauth.metadata import NO_SECRET, Description


@dataclass(frozen=True, slots=True, kw_only=True)
class WellKnown:
    """One vendor's client."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    """As the document has them."""
    also: tuple[str, ...] = ()
    """Addresses that are not in it, but that the vendor asks servers to allow."""
    hosts: tuple[str, ...]
    """Where else than on loopback its addresses may lead, also in a version that is newer than ours."""
    read_at: datetime

    @property
    def description(self) -> Description:
        return Description(name=self.name, redirect_uris=(*self.redirect_uris, *self.also), auth_method=NO_SECRET)

    def with_also(self, read: Description) -> Description:
        """A newer version of the document, with the addresses that are in none."""
        return replace(read, redirect_uris=tuple(dict.fromkeys((*read.redirect_uris, *self.also))))


_OPENAI: Final = ("chatgpt.com",)
_ANTHROPIC: Final = ("claude.ai", "claude.com")
_MICROSOFT: Final = ("vscode.dev",)

_CLIENTS: Final = (
    WellKnown(
        # It names private_key_jwt first, and none among the methods that it can do with.
        client_id="https://chatgpt.com/oauth/client.json",
        name="ChatGPT",
        redirect_uris=("https://chatgpt.com/connector_platform_oauth_redirect",),
        hosts=_OPENAI,
        read_at=datetime(2026, 10, 2, tzinfo=UTC),
    ),
    WellKnown(
        client_id="https://chatgpt.com/oauth/codex/client.json",
        name="Codex",
        redirect_uris=("http://127.0.0.1/callback", "http://localhost/callback"),
        hosts=_OPENAI,
        read_at=datetime(2026, 10, 2, tzinfo=UTC),
    ),
    WellKnown(
        # The web, desktop and mobile apps.
        client_id="https://claude.ai/oauth/mcp-oauth-client-metadata",
        name="Claude",
        redirect_uris=("https://claude.ai/api/mcp/auth_callback",),
        also=("https://claude.com/api/mcp/auth_callback",),
        hosts=_ANTHROPIC,
        read_at=datetime(2026, 9, 24, tzinfo=UTC),
    ),
    WellKnown(
        client_id="https://claude.ai/oauth/claude-code-client-metadata",
        name="Claude Code",
        redirect_uris=("http://localhost/callback", "http://127.0.0.1/callback"),
        hosts=_ANTHROPIC,
        read_at=datetime(2026, 9, 24, tzinfo=UTC),
    ),
    WellKnown(
        client_id="https://vscode.dev/oauth/client-metadata.json",
        name="Visual Studio Code",
        redirect_uris=("http://127.0.0.1:33418/", "https://vscode.dev/redirect"),
        hosts=_MICROSOFT,
        read_at=datetime(2026, 10, 2, tzinfo=UTC),
    ),
)

WELL_KNOWN: Final[Mapping[str, WellKnown]] = MappingProxyType({client.client_id: client for client in _CLIENTS})
