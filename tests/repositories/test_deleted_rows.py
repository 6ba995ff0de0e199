"""Rows that are marked as deleted are invisible: no query of the repositories returns one, whatever it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Select, event, select
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.sql.visitors import iterate

from database.models import User
from database.models.base import Deletable
from tests.portal.membership import granted, invite, joined
from tests.portal.vault import vault
from tests.stand import PASSWORD, Stand

pytestmark = pytest.mark.anyio

DELETABLE = {
    mapper.class_.__tablename__ for mapper in Deletable.registry.mappers if issubclass(mapper.class_, Deletable)
}
# Statements that may see deleted rows, and why.
EXCUSED = {
    "EXISTS": "whether there ever was an account decides who becomes the operator",
    "sources.sealed IS NOT NULL": "rows that hold secrets: a deleted one holds none; if it did, it should be found",
}


def unfiltered(state: ORMExecuteState) -> set[str]:
    """Tables with deleted rows that the statement reads or changes without a word about `deleted_at`."""
    nodes: list[Any] = list(iterate(cast("Select[Any]", state.statement)))
    tables = {str(node.name) for node in nodes if getattr(node, "__visit_name__", "") == "table"}
    tables |= {str(table.name) for table in [getattr(state.statement, "table", None)] if table is not None}
    where = [part for node in nodes for part in getattr(node, "_where_criteria", ())]
    guarded = {
        str(column.table.name)
        for part in where
        for column in cast("Iterator[Any]", iterate(part))
        if getattr(column, "key", None) == "deleted_at" and getattr(column, "table", None) is not None
    }
    return (tables & DELETABLE) - guarded


@contextmanager
def watched() -> Iterator[list[str]]:
    seen: list[str] = []

    def watch(state: ORMExecuteState) -> None:
        text = str(state.statement)
        if unfiltered(state) and not any(excuse in text for excuse in EXCUSED):
            seen.append(text)

    event.listen(Session, "do_orm_execute", watch)
    try:
        yield seen
    finally:
        event.remove(Session, "do_orm_execute", watch)


async def every_kind_of_call(gatehouse: Stand) -> None:
    ann = await gatehouse.person()
    http = ann.http
    source = (await http.post("/api/v1/sources", json=vault())).json()
    server = await gatehouse.server(ann, [source])
    key = await gatehouse.key(ann, server)
    bob = await joined(gatehouse, ann, server, name="bob")
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/me", None),
        ("PATCH", "/me", {"name": "x"}),
        ("POST", "/me/email", {"password": PASSWORD, "email": "x@example.com"}),
        ("GET", "/me/export", None),
        ("GET", "/me/sessions", None),
        ("GET", "/sources", None),
        ("GET", f"/sources/{source['id']}", None),
        ("PUT", f"/sources/{source['id']}", vault(label="x")),
        ("POST", f"/sources/{source['id']}/check", None),
        ("GET", "/mcp-servers", None),
        ("GET", f"/mcp-servers/{server['id']}", None),
        ("PUT", f"/mcp-servers/{server['id']}", {"name": "x", "source_ids": [source["id"]]}),
        ("PATCH", f"/mcp-servers/{server['id']}/sources/{source['id']}", {"enabled": True}),
        ("GET", f"/mcp-servers/{server['id']}/keys", None),
        ("POST", f"/mcp-servers/{server['id']}/search", {"query": "x"}),
        ("GET", f"/mcp-servers/{server['id']}/members", None),
        ("PATCH", f"/mcp-servers/{server['id']}/members/{bob.id}", {"role": "manager"}),
        ("GET", f"/mcp-servers/{server['id']}/invitations", None),
        ("GET", f"/mcp-servers/{server['id']}/grants", None),
        ("GET", "/me/grants", None),
        ("GET", "/checks", None),
        ("GET", "/activity", None),
    ]
    for method, path, body in calls:
        assert (await http.request(method, f"/api/v1{path}", json=body)).status_code == 200, path
    for token in (key, await granted(gatehouse, bob, server)):
        async with gatehouse.agent(server, token) as agent:
            await agent.call_tool("search", {"query": "x"})
    invited = await invite(ann, server, "new@example.com")
    await gatehouse.gatehouse.portal.members.look(invited["token"])
    for path in (f"invitations/{invited['id']}", f"members/{bob.id}"):
        assert (await http.delete(f"/api/v1/mcp-servers/{server['id']}/{path}")).status_code == 204, path
    await gatehouse.gatehouse.portal.links.make_reset("x@example.com")
    for path in (f"/sources/{source['id']}", f"/mcp-servers/{server['id']}", "/me"):
        assert (await http.delete(f"/api/v1{path}")).status_code == 204, path
    await gatehouse.gatehouse.purging.run(timedelta(0))


async def test_every_statement_about_rows_that_can_be_deleted_leaves_those_out(vaults: Stand):
    with watched() as seen:
        await every_kind_of_call(vaults)
    assert seen == []


async def test_the_watch_would_notice(vaults: Stand):
    """One statement without the filter."""
    with watched() as seen:
        async with vaults.gatehouse.database.reading() as session:
            await session.scalars(select(User))
    assert len(seen) == 1
