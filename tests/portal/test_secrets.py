"""Secrets stay where they belong: not in the database in clear, not in a reply, not in the log, whatever goes wrong."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import suppress
from string import Formatter
from typing import Any

import pytest
import structlog
from mcp import MCPError
from sqlalchemy import text

from tests.portal.dump import dump
from tests.portal.test_tenancy import GUARDED, PUBLIC
from tests.portal.vault import RIGHT_PASSWORD, VaultConfig, vault
from tests.stand import PASSWORD, Person, Stand
from web import logs

pytestmark = pytest.mark.anyio

NEW_PASSWORD = "p-canary-new-password"
SECRETS = (PASSWORD, NEW_PASSWORD, RIGHT_PASSWORD, "s-canary-pin", "s-canary-other-pin")
# Nobody's secret, and still nobody's business: what was searched for and what was found.
CONTENT = ("q-canary-query", "d-canary-document")


@pytest.fixture
def whole_log() -> Iterator[io.StringIO]:
    """Everything that we and the libraries have to say, as production would write it."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    logs.configure("debug", readable=False, output=written)
    structlog.configure(cache_logger_on_first_use=False)
    yield written
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


class Heard:
    """Every reply, and every token that was handed out."""

    def __init__(self) -> None:
        self.replies: list[str] = []
        self.tokens: set[str] = set()

    async def call(self, person: Person, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        reply = await person.http.request(method, f"/api/v1{path}", json=body, **more)
        found: dict[str, Any] = reply.json() if reply.content and "json" in reply.headers["content-type"] else {}
        shown = reply.text
        for name in ("access_token", "key", "token"):  # shown once, where they are made
            value = found.get(name)
            if reply.is_success and isinstance(value, str) and len(value) > 30:
                self.tokens.add(value)
                shown = shown.replace(value, "")
        if not path.endswith(("/search", "/fetch")) or not reply.is_success:
            self.replies.append(shown)
        return found


async def live_through_everything(gatehouse: Stand) -> Heard:
    """Every route, well and badly, with canaries wherever something secret belongs."""
    ann, heard = await gatehouse.person("ann"), Heard()
    heard.tokens.add(ann.token)
    source = await heard.call(ann, "POST", "/sources", vault(pin="s-canary-pin"))
    wrong = await heard.call(ann, "POST", "/sources", vault(password="s-canary-other-pin"))
    server = await heard.call(ann, "POST", "/mcp-servers", {"name": "x", "source_ids": [source["id"], wrong["id"]]})
    key = await heard.call(ann, "POST", f"/mcp-servers/{server['id']}/keys", {"name": "x"})
    await heard.call(ann, "POST", "/invitations")
    async with gatehouse.agent(server, key["key"]) as agent:
        found = await agent.call_tool("search", {"query": "q-canary-query"})
        for hit in found.structured_content["results"]:
            await agent.call_tool("fetch", {"id": hit["id"]})
        with suppress(MCPError):
            await agent.call_tool("q-canary-query", {"query": ["q-canary-query"]})
        await agent.call_tool("search", {"q-canary-query": "q-canary-query"})
    ids = {"source_id": source["id"], "server_id": server["id"], "key_id": key["id"]}
    named = {field for _, path in GUARDED for _, field, _, _ in Formatter().parse(path) if field}
    ids = {**dict.fromkeys(named, source["id"]), **ids}
    canaries: dict[str, Any] = {name: f"{name}-canary" for name in ("email", "name", "url")}
    canaries |= {"password": NEW_PASSWORD, "current": NEW_PASSWORD, "new": NEW_PASSWORD, "query": "q-canary-query"}
    bodies: tuple[Any, ...] = (
        vault(pin="s-canary-other-pin"),
        {"name": "x", "type": "vault", "config": {"password": {"s-canary-pin": ["s-canary-pin"]}}},
        {**canaries, "id": f"{source['key']}:q-canary-query", "token": NEW_PASSWORD},
        [NEW_PASSWORD],
    )
    for method, path in sorted(PUBLIC.keys() | GUARDED.keys() - {("DELETE", "/me"), ("POST", "/signout")}):
        for body in (None, *bodies) if method != "DELETE" else (None,):
            where = path.format(**ids)
            await heard.call(ann, method, where, body, params={"cursor": NEW_PASSWORD, "limit": "s-canary-pin"})
            if not (method == "DELETE" or path == "/me/password"):
                await heard.call(ann, method, where, body)
    change = await heard.call(ann, "POST", "/me/password", {"current": PASSWORD, "new": NEW_PASSWORD})
    ann.http.headers["Authorization"] = f"Bearer {change.get('access_token', ann.token)}"
    await heard.call(ann, "POST", "/signin", {"email": ann.email, "password": "s-canary-pin"})
    return heard


async def break_everything(gatehouse: Stand, heard: Heard) -> None:
    """Bugs, as it were: tables are gone, and each request ends in a traceback."""
    ann = await gatehouse.person("ann")
    heard.tokens.add(ann.token)
    async with gatehouse.gatehouse.database.engine.begin() as connection:
        for table in ("api_keys", "server_sources", "domain_assignments", "sources", "attempts"):
            await connection.execute(text(f"ALTER TABLE {table} RENAME TO gone_{table}"))
    await heard.call(ann, "POST", "/sources", vault(pin="s-canary-pin"))
    await heard.call(ann, "POST", "/mcp-servers", {"name": "x", "source_ids": []})
    await heard.call(ann, "POST", "/me/password", {"current": PASSWORD, "new": NEW_PASSWORD})
    await heard.call(ann, "POST", "/signin", {"email": ann.email, "password": PASSWORD})
    await heard.call(ann, "POST", "/signup", {"email": "e@example.com", "password": NEW_PASSWORD, "name": "x"})


async def test_no_secret_is_in_the_database_in_a_reply_or_in_the_log(
    vaults_on_both: Stand, whole_log: io.StringIO, capfd: pytest.CaptureFixture[str]
):
    heard = await live_through_everything(vaults_on_both)
    await vaults_on_both.gatehouse.audit.flush()
    stored = await dump(vaults_on_both)
    for secret in (*SECRETS, *CONTENT, *heard.tokens):
        assert secret not in stored
        assert secret.encode().hex() not in stored
    await break_everything(vaults_on_both, heard)
    for secret in (*SECRETS, *CONTENT, *heard.tokens):
        assert not any(secret in reply for reply in heard.replies)
    written = whole_log.getvalue() + "".join(capfd.readouterr())
    assert '"event": "request"' in written, "the log was listened to"
    assert '"event": "request.bug"' in written, "and there were bugs in it"
    for secret in (*SECRETS, *CONTENT, *heard.tokens):
        assert secret not in written, f"in the log: {written[max(0, written.find(secret) - 400) :][:600]}"


async def test_a_representation_of_settings_shows_no_secret():
    config = VaultConfig.model_validate(vault(pin="s-canary-pin")["config"])
    for shown in (repr(config), str(config), f"{config.model_dump()}", config.model_dump_json()):
        assert "s-canary-pin" not in shown
        assert RIGHT_PASSWORD not in shown
