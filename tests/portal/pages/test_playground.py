"""The playground without scripts; with them, see tests/browser."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from errors import SourceUnavailable
from handlers.base import Document, Hit, SearchQuery
from tests.portal.membership import joined
from tests.portal.pages.conftest import HTML, Reader
from tests.portal.pages.test_sources import NASTY
from tests.scripted import Script, Theatre, hit, theatre
from tests.stand import PORTAL, Person

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Theatre]:
    async with theatre(sqlite_url, tmp_path) as running:
        yield running


def reader(stage: Theatre, person: Person) -> Reader:
    http = stage.house.client(PORTAL, Accept=HTML)
    http.cookies.set("session", person.token)
    return Reader(person, http)


@pytest.fixture
async def bare(stage: Theatre) -> tuple[Reader, str]:
    """Somebody with a server that has no sources, and its id."""
    ann = await stage.house.person()
    server, _ = await stage.server(ann, {})
    return reader(stage, ann), server["id"]


def pieces(text: str, slot: str) -> list[str]:
    """The texts in the slots of this name, the empty ones of templates excepted."""
    found = re.findall(rf'data-slot="{slot}"[^>]*>(.*?)</', text, re.DOTALL)
    return [unescape(one).strip() for one in found if one.strip()]


def summary(text: str) -> str:
    """What stands above the results."""
    return text.partition('id="summary"')[2].partition("</p>")[0]


async def test_without_a_server_the_way_to_one_is_shown(ann: Reader):
    page = await ann.page("/playground")
    assert 'href="/servers/new"' in page.text
    assert 'id="ask"' not in page.text


async def test_the_whole_answer_comes_with_why_it_is_as_it_is(stage: Theatre):
    ann = await stage.house.person()
    same = hit("1", "Cold zone", text="how warm the cold zone may be", url="https://files.example.com/1")

    async def fail(_query: SearchQuery) -> list[Hit]:
        raise SourceUnavailable("Mail: It is down for maintenance.")

    scripts = {"Files": Script(hits=[same]), "Archive": Script(hits=[same]), "Mail": Script(searching=fail)}
    server, _ = await stage.server(ann, scripts)
    page = await reader(stage, ann).send("/playground", {"server": server["id"], "query": "cold zone"})
    assert page.status_code == 200
    assert pieces(page.text, "title") == ["Cold zone"]
    assert pieces(page.text, "merged") == ["The same in 2 sources, merged"]
    assert pieces(page.text, "word") == ["cold", "zone"]
    assert sorted(pieces(page.text, "source")[1:]) == ["Archive", "Files"]
    assert pieces(page.text, "message") == ["Mail: It is down for maintenance."]
    assert page.text.count('class="lane is-ok"') == 2
    assert page.text.count('class="lane is-unavailable"') == 1
    raw = re.search(r'id="raw".*?<pre[^>]*>(.*?)</pre>', page.text, re.DOTALL)
    assert raw is not None
    reply = json.loads(unescape(raw[1]))
    assert json.loads(reply["content"][0]["text"]) == reply["structuredContent"]
    assert reply["isError"] is False


async def test_an_answer_that_was_kept_says_so_instead_of_a_time(sqlite_url: str, tmp_path: Path):
    async with theatre(sqlite_url, tmp_path, answer_reuse_s=30) as stage:
        ann = await stage.house.person()
        scripts = {"Files": Script(hits=[hit("1", "Cold zone")])}
        server, _ = await stage.server(ann, scripts)
        me, form = reader(stage, ann), {"server": server["id"], "query": "cold"}
        first, again = await me.send("/playground", form), await me.send("/playground", form)
        assert scripts["Files"].queries == ["cold"]
        assert re.fullmatch(r"\d+ ms of 4 s", pieces(first.text, "time")[0])
        assert "asked again" not in summary(first.text)
        assert pieces(again.text, "time")[0] == "Kept answer"
        assert "No source was asked again: their answers were kept from a moment ago." in summary(again.text)
        told = (await ann.http.post(f"/api/v1/mcp-servers/{server['id']}/search", json={"query": "cold"})).json()
        assert told["reused"] == [told["sources"][0]["key"]]
        trail = (await ann.http.get("/api/v1/activity", params={"action": "server.tried"})).json()["items"]
        assert [event["sources"][0]["reused"] for event in trail] == [True, True, False]


async def test_a_document_is_shown_as_an_agent_gets_it(stage: Theatre):
    ann = await stage.house.person()
    server, sources = await stage.server(ann, {"Files": Script(hits=[hit("1", "Cold zone", text="2 to 8 degrees")])})
    me = reader(stage, ann)
    page = await me.send("/playground/document", {"server": server["id"], "id": f"{sources['Files']['key']}:1"})
    assert pieces(page.text, "text") == ["2 to 8 degrees"]
    assert '"structuredContent"' in unescape(page.text)
    gone = await me.send("/playground/document", {"server": server["id"], "id": f"{sources['Files']['key']}:2"})
    assert gone.status_code == 404
    assert "Use an id exactly as search returned it." in gone.text


@pytest.mark.parametrize("nasty", NASTY)
async def test_what_sources_tell_is_shown_as_text(stage: Theatre, nasty: str):
    ann = await stage.house.person()

    async def document(_id: str) -> Document:
        return Document(id="1", title=nasty, url=nasty, text=nasty, metadata={nasty: nasty})

    async def fail(_query: SearchQuery) -> list[Hit]:
        raise SourceUnavailable(nasty)

    told = hit("1", nasty, text=f"cold {nasty}", url=nasty)
    scripts = {"Files": Script(hits=[told], fetching=document), "Mail": Script(searching=fail)}
    server, sources = await stage.server(ann, scripts, name=nasty)
    me = reader(stage, ann)
    answer = await me.send("/playground", {"server": server["id"], "query": f"cold {nasty}"})
    shown = await me.send("/playground/document", {"server": server["id"], "id": f"{sources['Files']['key']}:1"})
    assert pieces(answer.text, "title") == [nasty]
    for page in (answer, shown):
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "onerror=alert(1)>" not in page.text
        assert "<svg/onload" not in page.text
        assert 'href="javascript:' not in page.text
        assert ">49<" not in page.text


async def test_a_question_that_cannot_be_asked_is_told_beside_its_field(bare: tuple[Reader, str]):
    ann, server_id = bare
    for query, told in (("  ", "Type a question first."), ("x" * 1_001, "At most 1000 characters fit here.")):
        page = await ann.send("/playground", {"server": server_id, "query": query})
        assert page.status_code == 422
        assert told in page.text
        assert 'aria-describedby="f-query-problem "' in page.text


async def test_a_server_without_sources_says_so(bare: tuple[Reader, str]):
    ann, server_id = bare
    assert "No source of this server is switched on" in (await ann.page(f"/playground?server={server_id}")).text


async def test_members_try_a_server_out_and_strangers_do_not_find_it(stage: Theatre):
    ann = await stage.house.person()
    server, _ = await stage.server(ann, {"Files": Script(hits=[hit("1", "Cold zone")])})
    member = reader(stage, await joined(stage.house, ann, server, "reader"))
    stranger = reader(stage, await stage.house.person("bob"))
    form = {"server": server["id"], "query": "cold"}
    assert pieces((await member.send("/playground", form)).text, "title") == ["Cold zone"]
    for path in (f"/playground?server={server['id']}", "/playground?server=nonsense"):
        assert (await stranger.page(path)).status_code == 404
    assert (await stranger.send("/playground", form)).status_code == 404
    assert (await stranger.send("/playground/document", {"server": server["id"], "id": "x:1"})).status_code == 404


async def test_a_try_stands_in_the_trail_without_the_question(stage: Theatre):
    ann = await stage.house.person()
    server, _ = await stage.server(ann, {"Files": Script(hits=[hit("1", "Cold zone")])})
    me = reader(stage, ann)
    await me.send("/playground", {"server": server["id"], "query": "whispered"})
    trail = (await me.page("/activity?action=server.tried")).text
    assert "1 of 1 sources answered" in trail
    assert "whispered" not in trail
