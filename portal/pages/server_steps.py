"""How each agent is connected to a server: the facts of docs/connect with the server's own address put in.

Where somebody has to sign in, the steps lead through the portal or take a key; a public server asks for neither."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from portal.texts.catalogue import t

_NAME: Final = "gatehouse"
_KEY: Final = "gh_..."
_INSPECTOR: Final = "npx @modelcontextprotocol/inspector@2 --cli"
_CALL: Final = '--method tools/call --tool-name search --tool-arg query="what to look for"'
_REVISION: Final = "2025-11-25"
_ICONS: Final[Mapping[str, str]] = {
    "chatgpt": "brand-openai",
    "claude": "message-chatbot",
    "claude_code": "terminal-2",
    "vs_code": "brand-vscode",
    "cursor": "cursor-text",
    "inspector": "search",
    "curl": "code",
}
_REMOTE: Final = frozenset({"chatgpt", "claude"})


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, and what to paste."""

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A kind of agent and the way to connect it."""

    key: str
    title: str
    icon: str
    how: str
    """Whether it signs in, sends a key, can do both, or need do neither."""
    steps: Sequence[Step]
    with_key: Step | None = None
    """What else there is for machines without a browser."""
    is_remote: bool = False
    """Whether it calls from its vendor's machines, which reach public addresses only."""


def is_local(url: str) -> bool:
    """Whether this machine alone can reach the address."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def clients(url: str, *, is_public: bool) -> Sequence[Client]:
    """All that have a page under docs/connect and take an address, the most asked for first."""
    return _open_clients(url) if is_public else _guarded_clients(url)


def _guarded_clients(url: str) -> Sequence[Client]:
    with_key = t("servers.steps.with_key")
    return (
        _client("chatgpt", "signs_in", [_step("chatgpt", "one"), _step("chatgpt", "two", url), *_last_two("chatgpt")]),
        _client("claude", "signs_in", [_step("claude", "one"), _step("claude", "two", url), *_last_two("claude")]),
        _client(
            "claude_code",
            "both",
            [_step("claude_code", "one", _claude_code(url)), _step("claude_code", "two")],
            Step(with_key, f'{_claude_code(url)} --header "Authorization: Bearer {_KEY}"'),
        ),
        _client(
            "vs_code",
            "both",
            [_step("vs_code", "one", _vs_code(url)), _step("vs_code", "two")],
            Step(with_key, _vs_code(url, **_header())),
        ),
        _client(
            "cursor",
            "both",
            [_step("cursor", "one", _cursor(url)), _step("cursor", "two")],
            Step(with_key, _cursor(url, **_header())),
        ),
        _client(
            "inspector",
            "both",
            [_step("inspector", "one", _inspector(url)), _step("inspector", "two")],
            Step(with_key, _inspector(url, f'--header "Authorization: Bearer {_KEY}" --method tools/list')),
        ),
        _client(
            "curl",
            "key",
            [_step("curl", "one", _curl(url, f"-H 'Authorization: Bearer {_KEY}'")), _step("curl", "two")],
        ),
    )


def _open_clients(url: str) -> Sequence[Client]:
    return (
        _client(
            "chatgpt",
            "open",
            [_step("chatgpt", "one"), _step("chatgpt", "two_open", url), _step("chatgpt", "four")],
        ),
        _client(
            "claude",
            "open",
            [
                _step("claude", "one"),
                _step("claude", "two", url),
                _step("claude", "three_open"),
                _step("claude", "four"),
            ],
        ),
        _client(
            "claude_code", "open", [_step("claude_code", "one", _claude_code(url)), _step("claude_code", "two_open")]
        ),
        _client("vs_code", "open", [_step("vs_code", "one", _vs_code(url)), _step("vs_code", "two_open")]),
        _client("cursor", "open", [_step("cursor", "one", _cursor(url)), _step("cursor", "two_open")]),
        _client("inspector", "open", [_step("inspector", "one", _inspector(url))]),
        _client("curl", "open", [_step("curl", "one_open", _curl(url)), _step("curl", "two")]),
    )


def _client(key: str, how: str, steps: Sequence[Step], with_key: Step | None = None) -> Client:
    return Client(
        key=key,
        title=t(f"servers.steps.{key}.title"),
        icon=_ICONS[key],
        how=t(f"servers.steps.{how}"),
        steps=steps,
        with_key=with_key,
        is_remote=key in _REMOTE,
    )


def _step(client: str, name: str, code: str = "") -> Step:
    return Step(t(f"servers.steps.{client}.{name}"), code)


def _last_two(client: str) -> Sequence[Step]:
    return [_step(client, "three"), _step(client, "four")]


def _claude_code(url: str) -> str:
    return f"claude mcp add --transport http {_NAME} {url}"


def _vs_code(url: str, **more: object) -> str:
    return _json("servers", {"type": "http", "url": url, **more})


def _cursor(url: str, **more: object) -> str:
    return _json("mcpServers", {"url": url, **more})


def _inspector(url: str, what: str = _CALL) -> str:
    return f"{_INSPECTOR} {url} --transport http \\\n  {what}"


def _curl(url: str, *more: str) -> str:
    arguments = {"name": "search", "arguments": {"query": "what to look for"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments}
    lines = (
        " ".join(("curl -s", url, *more)),
        "-H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream'",
        f"-H 'MCP-Protocol-Version: {_REVISION}'",
        f"-d '{json.dumps(body, separators=(',', ':'))}'",
    )
    return " \\\n  ".join(lines)


def _header() -> dict[str, dict[str, str]]:
    return {"headers": {"Authorization": f"Bearer {_KEY}"}}


def _json(group: str, entry: Mapping[str, object]) -> str:
    return json.dumps({group: {_NAME: entry}}, indent=2)
