"""The page of what happened."""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from auth.audit import Event
from errors import Forbidden, GatehouseError, Invalid, NotFound, SourceError
from portal.pages.activity import says
from schemas.answers import SourceStatus
from tests.portal.membership import joined
from tests.portal.pages.conftest import Reader, Reading
from tests.portal.pages.test_sources import NASTY
from tests.portal.test_audit_coverage import ELSEWHERE, EVENTS
from tests.stand import Stand

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent.parent


def call(reader: Reader, server: Mapping[str, Any], **more: Any) -> Event:
    """An agent's search, in the reader's trail."""
    usual: dict[str, Any] = {"target": "search", "actor": "anonymous", "took_ms": 30, "results": 2}
    values = {**usual, "action": "tool.called", "server_id": UUID(server["id"]), **more}
    return Event(user_id=UUID(reader.person.id), **values)


def told(key: str, status: str, took_ms: int) -> dict[str, Any]:
    return {"key": key, "status": status, "results": 1, "took_ms": took_ms}


def charts(text: str) -> dict[str, Any]:
    found = re.findall(r'data-kind="(\w+)"[^>]*data-chart=\'([^\']*)\'', text)
    return {kind: json.loads(html.unescape(data)) for kind, data in found}


async def test_the_charts_and_their_tables_say_the_same(gatehouse: Stand, ann: Reader):
    source = await gatehouse.sample(ann.person, name="Kunden")
    server = await gatehouse.server(ann.person, [source], name="Research")
    for took_ms, status in ((100, "ok"), (900, "ok"), (300, "timeout")):
        gatehouse.gatehouse.audit.record(call(ann, server, sources=[told(source["key"], status, took_ms)]))
    gatehouse.gatehouse.audit.record(call(ann, server, target="fetch", outcome="not_found"))
    page = await ann.page("/activity?range=24h")
    drawn = charts(page.text)
    counted = {series["label"]: sum(series["values"]) for series in drawn["time"]["series"]}
    assert counted == {"All calls": 4, "Searches": 3, "Failed": 1}
    assert drawn["over"]["names"] == ["Kunden"]
    assert [series["values"] for series in drawn["over"]["series"]] == [[900], [300]]
    assert drawn["stack"]["series"] == [{"ink": "timeout", "label": "Out of time", "values": [1]}]
    assert page.text.count('<details class="figures">') == 3
    assert "900 ms" in page.text
    assert "As a table" in page.text


async def test_an_account_without_calls_is_told_so_and_still_has_its_trail(ann: Reader):
    page = await ann.page("/activity")
    assert "No agent has asked anything" in page.text
    assert charts(page.text) == {}
    assert "Signed in" in page.text
    assert ">You<" in page.text


async def test_agents_servers_and_targets_have_the_names_that_people_gave_them(gatehouse: Stand, ann: Reader):
    server = await gatehouse.server(ann.person, [await gatehouse.sample(ann.person)], name="Research")
    key = await gatehouse.key(ann.person, server, name="Nightly")
    async with gatehouse.agent(server, key) as agent:
        await agent.call_tool("search", {"query": "x"})
    page = (await ann.page("/activity")).text
    assert page.count("Key Nightly") >= 3, "busiest agents, the call, and the making of the key"
    assert "<bdi>Research</bdi>" in page
    await ann.person.http.delete(f"/api/v1/mcp-servers/{server['id']}")
    assert f"A server that is gone ({server['id'][:8]})" in (await ann.page("/activity")).text


async def test_filters_narrow_the_trail_and_the_csv_alike(ann: Reader):
    page = (await ann.page("/activity?action=session.opened&outcome=ok&from=2020-01-01&to=9998-12-31")).text
    rows = re.findall(r'<td class="what"[^>]*><b>(.*?)</b>', page)
    assert rows == ["Signed in"]
    link = re.search(r'href="(/api/v1/activity[^"]*)"', page)
    assert link is not None
    table = await ann.page(html.unescape(link[1]))
    assert table.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[3] for line in table.text.splitlines()[1:]] == ["session.opened"]
    assert "Nothing fits these filters" in (await ann.page("/activity?to=2020-01-01")).text


@pytest.mark.parametrize(
    "wrong", ["from=yesterday", "to=9999-12-31", "from=0001-01-01", "server=nonsense", "cursor=nonsense"]
)
async def test_a_filter_that_cannot_be_read_is_told_so(ann: Reader, wrong: str):
    page = await ann.page(f"/activity?{wrong}")
    assert page.status_code == 422
    assert "note is-bad" in page.text


async def test_unknown_choices_are_no_filters(ann: Reader):
    page = await ann.page("/activity?range=9y&action=nothing&outcome=nothing")
    assert page.status_code == 200
    assert "Signed in" in page.text


async def test_a_long_trail_comes_in_pages_that_keep_the_filters(gatehouse: Stand, ann: Reader):
    server = await gatehouse.server(ann.person)
    for number in range(120):
        gatehouse.gatehouse.audit.record(call(ann, server, results=number))
    path, seen = f"/activity?action=tool.called&server={server['id']}", []
    while path:
        page = (await ann.page(path)).text
        seen += re.findall(r"(\d+) results", page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        path = html.unescape(following[1]) if following else ""
    assert seen == [str(number) for number in reversed(range(120))]


async def test_members_see_what_they_did_and_nothing_of_the_others(gatehouse: Stand, ann: Reader, reading: Reading):
    server = await gatehouse.server(ann.person, [await gatehouse.sample(ann.person)], name="Research")
    await gatehouse.key(ann.person, server, name="of-the-owner")
    gatehouse.gatehouse.audit.record(call(ann, server))
    member = await reading(await joined(gatehouse, ann.person, server, "reader"))
    page = (await member.page(f"/activity?server={server['id']}")).text
    assert "No agent has asked anything" in page
    assert "of-the-owner" not in page


@pytest.mark.parametrize("nasty", NASTY)
async def test_names_are_shown_as_text(gatehouse: Stand, ann: Reader, nasty: str):
    source = await gatehouse.sample(ann.person, name=nasty)
    server = await gatehouse.server(ann.person, [source], name=nasty)
    await gatehouse.key(ann.person, server, name=nasty)
    for more in ({"sources": [told(source["key"], "timeout", 5)]}, {"target": nasty, "agent": nasty, "address": nasty}):
        gatehouse.gatehouse.audit.record(call(ann, server, **more))
    page = (await ann.page("/activity")).text
    assert charts(page)["over"]["names"] == [nasty]
    assert "<script>alert" not in page
    assert "onerror=alert(1)>" not in page
    assert "<svg/onload" not in page
    assert ">49<" not in page


def test_every_action_outcome_and_status_has_plain_words():
    recorded = {*EVENTS.values(), *ELSEWHERE.values(), *actions_in_the_code()}
    assert {action for action in recorded if says("actions", action) == action} == set()
    ended = {"ok", "failed", "cancelled", Invalid.code, NotFound.code, Forbidden.code, *codes(SourceError)}
    assert {code for code in ended if says("outcomes", code) == code} == set()
    failures = set(SourceStatus) - {SourceStatus.OK}
    assert {status for status in failures if says("statuses", status.value) == status.value} == set()


def codes(error: type[GatehouseError]) -> set[str]:
    """Of the error and everything below it, this project's own."""
    below = {code for one in error.__subclasses__() for code in codes(one)}
    return below | ({error.code} if error.__module__ == "errors" else set())


def actions_in_the_code() -> set[str]:
    """What is handed to the trail as a literal: `noun.verb`, as action= or as one of the recorders' arguments."""
    found = set()
    for file in (*ROOT.glob("auth/**/*.py"), *ROOT.glob("portal/actions/*.py"), *ROOT.glob("gateway/*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
                *("Event", "done_by", "record_at_server", "record_widely"),
            ):
                arguments = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "action")]
                found |= {one.value for one in arguments if isinstance(one, ast.Constant)}
    return {str(one) for one in found if re.fullmatch(r"[a-z]+\.[a-z_]+", str(one))}


async def test_members_and_sources_are_called_by_their_names(gatehouse: Stand, ann: Reader, reading: Reading):
    source = await gatehouse.sample(ann.person, name="Used by no server")
    server = await gatehouse.server(ann.person)
    manager = await reading(await joined(gatehouse, ann.person, server, "manager"))
    await manager.send("/account/name", {"name": "Bea Keller"})
    await gatehouse.key(manager.person, server, name="Nightly")
    await ann.send(f"/servers/{server['id']}/members/{manager.person.id}/role", {"role": "reader"})

    async def rows(reader: Reader, action: str) -> str:
        return html.unescape((await reader.page(f"/activity?action={action}")).text).partition('id="s-trail"')[2]

    assert "<bdi>Bea Keller</bdi>" in await rows(ann, "key.created")
    assert '<bdi class="soft">Bea Keller</bdi>' in await rows(ann, "member.role_changed")
    connected = await rows(ann, "source.created")
    assert '<bdi class="soft">Used by no server</bdi>' in connected
    assert source["key"] not in connected
    owner = (await ann.person.http.get("/api/v1/me")).json()["name"]
    assert f"<bdi>{owner}</bdi>" in await rows(manager, "member.role_changed")
