"""The audit trail as its owner reads it, and lists in pages."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from auth.audit import verify
from repositories.audit import AuditEvents
from tests.clock import HandClock
from tests.stand import PASSWORD, Person, Stand

pytestmark = pytest.mark.anyio


async def actions(person: Person, **params: str) -> list[str]:
    items = (await person.http.get("/api/v1/activity", params=params)).json()["items"]
    return [item["action"] for item in items]


async def test_what_people_do_is_told_newest_first(gatehouse_on_both: Stand):
    ann, bob = await gatehouse_on_both.person("ann"), await gatehouse_on_both.person("bob")
    source = await gatehouse_on_both.sample(ann)
    server = await gatehouse_on_both.server(ann, [source])
    key = await gatehouse_on_both.key(ann, server)
    async with gatehouse_on_both.agent(server, key) as agent:
        await agent.call_tool("search", {"query": "q-canary"})
    wrong = {"email": ann.email, "password": "wrong password here"}
    await gatehouse_on_both.http.post("/api/v1/signin", json=wrong)
    await ann.http.delete(f"/api/v1/sources/{source['id']}")
    assert await actions(ann) == [
        "source.deleted", "session.refused", "tool.called", "key.created", "server.created", "source.created",
        "session.opened", "account.created",
    ]  # fmt: skip
    assert await actions(bob) == ["session.opened", "account.created"]
    assert await actions(ann, action="tool.called") == ["tool.called"]
    assert await actions(ann, server_id=server["id"]) == ["tool.called", "key.created", "server.created"]
    assert await actions(bob, server_id=server["id"]) == []
    reply = await ann.http.get("/api/v1/activity", params={"action": "tool.called"})
    (called,) = reply.json()["items"]
    assert "canary" not in reply.text
    assert called["actor"] == "key"
    assert [one["key"] for one in called["sources"]] == [source["key"]]
    assert called["sources"][0]["status"] == "ok"


async def test_a_table_runs_nothing_in_a_spreadsheet(gatehouse: Stand):
    """Agents and browsers choose how they call themselves."""
    ann = await gatehouse.person()
    for name in ("=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\tx", 'say "hi", friend'):
        body = {"email": ann.email, "password": PASSWORD}
        await gatehouse.http.post("/api/v1/signin", json=body, headers={"User-Agent": name})
    reply = await ann.http.get("/api/v1/activity", params={"format": "csv"})
    assert reply.headers["content-type"].startswith("text/csv")
    assert "attachment" in reply.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert len(rows) == 8
    agents = [row["agent"] for row in rows]
    assert agents[0] == 'say "hi", friend'
    assert {"'=HYPERLINK(1)", "'+1", "'-1", "'@SUM(1)"} <= set(agents)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row.values())


async def test_a_table_holds_everything_that_fits(gatehouse: Stand, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("portal.actions.activity._ROWS_AT_ONCE", 3)
    ann = await gatehouse.person()
    for _ in range(10):
        await gatehouse.sample(ann)
    reply = await ann.http.get("/api/v1/activity", params={"format": "csv", "limit": "1"})
    assert len(list(csv.DictReader(io.StringIO(reply.text)))) == 12
    reply = await ann.http.get("/api/v1/activity", params={"format": "csv", "action": "source.created"})
    assert len(list(csv.DictReader(io.StringIO(reply.text)))) == 10


async def test_a_trail_can_be_asked_for_a_time_an_outcome_and_a_server(vaults_on_both: Stand, clock: HandClock):
    ann = await vaults_on_both.person()
    server = await vaults_on_both.server(ann)
    clock.forward(hours=1)
    noon = clock().isoformat()
    await vaults_on_both.http.post("/api/v1/signin", json={"email": ann.email, "password": "not the password"})
    clock.forward(hours=1)
    await ann.http.patch("/api/v1/me", json={"name": "x"})
    assert await actions(ann, **{"from": noon}) == ["account.renamed", "session.refused"]
    assert await actions(ann, to=noon, server_id=server["id"]) == ["server.created"]
    assert await actions(ann, **{"from": noon, "to": clock().isoformat()}) == ["session.refused"]
    assert await actions(ann, outcome="refused") == ["session.refused"]
    assert await actions(ann, outcome="ok", action="account.renamed") == ["account.renamed"]
    first = (await ann.http.get("/api/v1/activity", params={"limit": "1", "from": noon})).json()
    rest = (await ann.http.get("/api/v1/activity", params={"cursor": first["next"], "from": noon})).json()
    assert [item["action"] for item in (*first["items"], *rest["items"])] == ["account.renamed", "session.refused"]
    assert (await ann.http.get("/api/v1/activity", params={"from": "yesterday"})).status_code == 422


async def test_the_trail_of_a_whole_day_of_requests_verifies(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    for _ in range(5):
        await gatehouse_on_both.sample(ann)
    await gatehouse_on_both.gatehouse.audit.flush()
    async with gatehouse_on_both.gatehouse.database.reading() as session:
        events = AuditEvents(session)
        for chain in await events.chains():
            assert verify(await events.chain(*chain)) is None


async def pages(person: Person, path: str, limit: int) -> list[list[dict[str, Any]]]:
    found, cursor = [], None
    while True:
        params = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
        page = (await person.http.get(path, params=params)).json()
        found.append(page["items"])
        cursor = page["next"]
        if cursor is None:
            return found


async def test_pages_hold_everything_once_and_end(vaults_on_both: Stand, clock: HandClock):
    ann = await vaults_on_both.person()
    made = []
    for number in range(7):
        made.append((await vaults_on_both.sample(ann, name=f"s{number}"))["id"])
        if number % 3 == 0:
            clock.forward(seconds=1)
    for limit in (1, 2, 3, 6, 7, 8):
        found = await pages(ann, "/api/v1/sources", limit)
        ids = [item["id"] for page in found for item in page]
        assert sorted(ids) == sorted(made), "rows of the same moment are told apart by their ids"
        assert all(len(page) == limit for page in found[:-1])
    newest_first = [item["created_at"] for page in await pages(ann, "/api/v1/sources", 3) for item in page]
    assert newest_first == sorted(newest_first, reverse=True)


async def test_a_page_stays_right_while_rows_come_and_go_around_it(vaults_on_both: Stand, clock: HandClock):
    ann = await vaults_on_both.person()
    made = []
    for number in range(6):
        made.append((await vaults_on_both.sample(ann, name=f"s{number}"))["id"])
        clock.forward(seconds=1)
    first = (await ann.http.get("/api/v1/sources", params={"limit": "2"})).json()
    assert [item["id"] for item in first["items"]] == [made[5], made[4]]
    await vaults_on_both.sample(ann, name="new")
    await ann.http.delete(f"/api/v1/sources/{made[4]}")
    await ann.http.delete(f"/api/v1/sources/{made[2]}")
    rest = (await ann.http.get("/api/v1/sources", params={"cursor": first["next"]})).json()
    assert [item["id"] for item in rest["items"]] == [made[3], made[1], made[0]]
    assert rest["next"] is None


async def test_a_cursor_shows_nobody_elses_rows(gatehouse: Stand):
    ann, bob = await gatehouse.person("ann"), await gatehouse.person("bob")
    for person in (ann, bob, ann):
        await gatehouse.sample(person)
    cursor = (await ann.http.get("/api/v1/sources", params={"limit": "1"})).json()["next"]
    theirs = (await bob.http.get("/api/v1/sources", params={"cursor": cursor})).json()["items"]
    own = {item["id"] for item in (await bob.http.get("/api/v1/sources")).json()["items"]}
    assert {item["id"] for item in theirs} <= own
