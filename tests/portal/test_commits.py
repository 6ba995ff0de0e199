"""A reply says 201 only for what is in the database: the transaction commits before the first byte of it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from tests.stand import PASSWORD, Stand

pytestmark = pytest.mark.anyio

# A row whose foreign key is checked at the commit and not before: everything goes well until then.
ORPHANS = (
    "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
    "CREATE TABLE orphans (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)",
)
ON_SQLITE = "CREATE TRIGGER break_{table} AFTER {event} ON {table} BEGIN INSERT INTO orphans VALUES (1); END"
ON_POSTGRESQL = (
    """CREATE FUNCTION orphan() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO orphans VALUES (1); RETURN NULL; END'""",
    "CREATE TRIGGER break_{table} AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION orphan()",
)


async def break_commits(gatehouse: Stand, table: str, event: str = "INSERT") -> None:
    """From now on no transaction that does this to the table can be committed."""
    statements = (ON_SQLITE,) if gatehouse.gatehouse.database.is_sqlite else ON_POSTGRESQL
    async with gatehouse.gatehouse.database.engine.begin() as connection:
        for statement in (*ORPHANS, *statements):
            await connection.execute(text(statement.format(table=table, event=event)))


async def count(gatehouse: Stand, table: str) -> int:
    async with gatehouse.gatehouse.database.engine.connect() as connection:
        found = (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar()  # noqa: S608 - our tables
    assert isinstance(found, int)
    return found


BODIES: dict[str, tuple[str, Any]] = {
    "users": ("/signup", {"email": "new@example.com", "password": PASSWORD, "name": "New"}),
    "sources": ("/sources", {"name": "x", "type": "customer_db", "config": {"url": "sample"}}),
    "mcp_servers": ("/mcp-servers", {"name": "x", "source_ids": []}),
    "domain_assignments": ("/mcp-servers", {"name": "x", "source_ids": []}),
    "one_time_links": ("/invitations", None),
    "server_invitations": ("/mcp-servers/{server_id}/invitations", {"email": "x@example.com", "role": "reader"}),
    "sessions": ("/signin", None),
}


@pytest.mark.parametrize("table", BODIES)
async def test_a_commit_that_fails_is_never_told_as_done(gatehouse_on_both: Stand, table: str):
    ann = await gatehouse_on_both.person()
    server = await gatehouse_on_both.server(ann)
    before = await count(gatehouse_on_both, table)
    await break_commits(gatehouse_on_both, table)
    path, body = BODIES[table][0].format(server_id=server["id"]), BODIES[table][1]
    body = {"email": ann.email, "password": PASSWORD} if path == "/signin" else body
    reply = await ann.http.post(f"/api/v1{path}", json=body)
    assert reply.status_code in (409, 500)
    assert reply.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in reply.headers
    assert await count(gatehouse_on_both, table) == before


async def test_a_sign_out_that_was_not_stored_is_not_told_as_done(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    await break_commits(gatehouse_on_both, "sessions", "UPDATE")
    assert (await ann.http.post("/api/v1/signout")).status_code == 500
    assert (await ann.http.get("/api/v1/me")).status_code == 200, "and is not half done"


async def test_a_deletion_that_was_not_stored_is_not_told_as_done(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    source = await gatehouse_on_both.sample(ann)
    await break_commits(gatehouse_on_both, "sources", "UPDATE")
    for path in (f"/api/v1/sources/{source['id']}", "/api/v1/me"):
        assert (await ann.http.delete(path)).status_code == 500
    assert (await ann.http.post(f"/api/v1/sources/{source['id']}/check")).status_code in (200, 500)
    assert (await ann.http.get(f"/api/v1/sources/{source['id']}")).status_code == 200
