"""How each agent is connected to a server: the facts of docs/connect with the server's own address put in."""

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
_REVISION: Final = "2025-11-25"


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
    """Whether it signs in, sends a key, or can do both."""
    steps: Sequence[Step]
    with_key: Step | None = None
    """What else there is for machines without a browser."""
    is_remote: bool = False
    """Whether it calls from its vendor's machines, which reach public addresses only."""


def is_local(url: str) -> bool:
    """Whether this machine alone can reach the address."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def clients(url: str) -> Sequence[Client]:
    """All that have a page under docs/connect and take an address, the most asked for first."""
    return (_chatgpt(url), _claude(url), _claude_code(url), _vs_code(url), _cursor(url), _inspector(url), _curl(url))


def _chatgpt(url: str) -> Client:
    one, two, three, four = (_text("chatgpt", name) for name in ("one", "two", "three", "four"))
    steps = (Step(one), Step(two, url), Step(three), Step(four))
    return _client("chatgpt", "brand-openai", "signs_in", steps, is_remote=True)


def _claude(url: str) -> Client:
    one, two, three, four = (_text("claude", name) for name in ("one", "two", "three", "four"))
    steps = (Step(one), Step(two, url), Step(three), Step(four))
    return _client("claude", "message-chatbot", "signs_in", steps, is_remote=True)


def _claude_code(url: str) -> Client:
    add = f"claude mcp add --transport http {_NAME} {url}"
    steps = (Step(_text("claude_code", "one"), add), Step(_text("claude_code", "two")))
    key = Step(t("servers.steps.with_key"), f'{add} --header "Authorization: Bearer {_KEY}"')
    return _client("claude_code", "terminal-2", "both", steps, key)


def _vs_code(url: str) -> Client:
    entry = {"type": "http", "url": url}
    steps = (Step(_text("vs_code", "one"), _json("servers", entry)), Step(_text("vs_code", "two")))
    key = Step(t("servers.steps.with_key"), _json("servers", {**entry, **_header()}))
    return _client("vs_code", "brand-vscode", "both", steps, key)


def _cursor(url: str) -> Client:
    steps = (Step(_text("cursor", "one"), _json("mcpServers", {"url": url})), Step(_text("cursor", "two")))
    key = Step(t("servers.steps.with_key"), _json("mcpServers", {"url": url, **_header()}))
    return _client("cursor", "cursor-text", "both", steps, key)


def _inspector(url: str) -> Client:
    call = '--method tools/call --tool-name search --tool-arg query="what to look for"'
    steps = (
        Step(_text("inspector", "one"), f"{_INSPECTOR} {url} --transport http \\\n  {call}"),
        Step(_text("inspector", "two")),
    )
    keyed = f'{_INSPECTOR} {url} --transport http \\\n  --header "Authorization: Bearer {_KEY}" --method tools/list'
    return _client("inspector", "search", "both", steps, Step(t("servers.steps.with_key"), keyed))


def _curl(url: str) -> Client:
    arguments = {"name": "search", "arguments": {"query": "what to look for"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments}
    command = (
        f"curl -s {url} -H 'Authorization: Bearer {_KEY}' \\\n"
        "  -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \\\n"
        f"  -H 'MCP-Protocol-Version: {_REVISION}' \\\n  -d '{json.dumps(body, separators=(',', ':'))}'"
    )
    return _client("curl", "code", "key", (Step(_text("curl", "one"), command), Step(_text("curl", "two"))))


def _client(
    key: str, icon: str, how: str, steps: Sequence[Step], with_key: Step | None = None, *, is_remote: bool = False
) -> Client:
    return Client(
        key=key,
        title=_text(key, "title"),
        icon=icon,
        how=t(f"servers.steps.{how}"),
        steps=steps,
        with_key=with_key,
        is_remote=is_remote,
    )


def _text(client: str, name: str) -> str:
    return t(f"servers.steps.{client}.{name}")


def _header() -> dict[str, dict[str, str]]:
    return {"headers": {"Authorization": f"Bearer {_KEY}"}}


def _json(group: str, entry: Mapping[str, object]) -> str:
    return json.dumps({group: {_NAME: entry}}, indent=2)
