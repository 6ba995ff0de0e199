"""What agents see, through the official SDK's client in both protocol eras."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest
from mcp.client.client import Client
from pydantic import BaseModel

from errors import SourceRateLimited, SourceUnauthorized, SourceUnavailable
from handlers.base import Document, Hints, Hit, SearchQuery, Tool
from tests.scripted import Script, ScriptedSource, Theatre, hit
from tests.stand import Stand, ports, served, settings_for

pytestmark = pytest.mark.anyio
ERAS = ("legacy", "auto")
in_both_eras = pytest.mark.parametrize("era", ERAS)

NO_SUCH_DOCUMENT = "There is no document with this id. Use an id exactly as search returned it."


async def down(query: SearchQuery) -> list[Hit]:
    raise SourceUnavailable("It does not answer.")


def told(result: Any) -> str:
    """The one text of a result."""
    (content,) = result.content
    return str(content.text)


@in_both_eras
async def test_every_id_that_search_gives_can_be_fetched(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann, [await gatehouse.sample(ann)])
    key = await gatehouse.key(ann, server)
    async with gatehouse.agent(server, key, mode=era) as agent:
        found = await agent.call_tool("search", {"query": "active customers"})
        assert found.structured_content["results"]
        for result in found.structured_content["results"]:
            fetched = await agent.call_tool("fetch", {"id": result["id"]})
            assert not fetched.is_error
            assert fetched.structured_content["title"] == result["title"]
            assert fetched.structured_content["metadata"]["source"] == "Customers"


@in_both_eras
async def test_results_validate_against_the_schemas_that_are_listed(scene: Theatre, era: str):
    ann = await scene.house.person()
    text = "the same long text in two places " * 5
    scripts = {"one": Script([hit("1", text=text)]), "two": Script([hit("9", "Title 1", text=text), hit("2")])}
    server, _ = await scene.server(ann, {**scripts, "dead": Script(searching=down)}, access="public")
    async with scene.house.agent(server, None, mode=era) as agent:
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
        found = await agent.call_tool("search", {"query": "text"})
        assert found.structured_content["results"][0]["also"]
        first = found.structured_content["results"][0]["id"]
        fetched = await agent.call_tool("fetch", {"id": first})
    jsonschema.validate(found.structured_content, tools["search"].output_schema)
    jsonschema.validate(fetched.structured_content, tools["fetch"].output_schema)


@in_both_eras
async def test_the_text_says_the_same_as_the_structured_content(scene: Theatre, era: str):
    ann = await scene.house.person()
    odd = 'quotes " and \\ and \u2028 and \U0001f600 and bücher'
    server, sources = await scene.server(ann, {"odd": Script([hit("1", odd, text=odd)])}, access="public")
    async with scene.house.agent(server, None, mode=era) as agent:
        found = await agent.call_tool("search", {"query": "x"})
        fetched = await agent.call_tool("fetch", {"id": f"{sources['odd']['key']}:1"})
    assert json.loads(told(found)) == found.structured_content
    assert json.loads(told(fetched)) == fetched.structured_content
    assert fetched.structured_content["text"] == odd


@in_both_eras
async def test_nothing_to_look_for_and_nowhere_to_look_are_no_errors(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    empty = await gatehouse.server(ann, access="public")
    full = await gatehouse.server(ann, [await gatehouse.sample(ann)], access="public")
    for server, query in ((empty, "anything"), (full, ""), (full, " \t\n\0 ")):
        async with gatehouse.agent(server, None, mode=era) as agent:
            found = await agent.call_tool("search", {"query": query})
            assert not found.is_error
            assert found.structured_content == {"results": [], "sources": []}


@in_both_eras
async def test_a_dead_source_does_not_hide_the_others(scene: Theatre, era: str):
    ann = await scene.house.person()
    server, sources = await scene.server(
        ann, {"alive": Script([hit("1")]), "dead": Script(searching=down)}, access="public"
    )
    async with scene.house.agent(server, None, mode=era) as agent:
        found = await agent.call_tool("search", {"query": "x"})
    assert not found.is_error
    assert [result["id"] for result in found.structured_content["results"]] == [f"{sources['alive']['key']}:1"]
    reports = {report["source"]: report for report in found.structured_content["sources"]}
    assert (reports["alive"]["status"], reports["alive"]["results"]) == ("ok", 1)
    assert reports["dead"]["status"] == "unavailable"
    assert reports["dead"]["message"] == "It does not answer."


@in_both_eras
async def test_when_every_source_is_down_the_result_is_an_error_that_names_them(scene: Theatre, era: str):
    ann = await scene.house.person()

    async def refused(query: SearchQuery) -> list[Hit]:
        raise SourceUnauthorized("Reconnect it.")

    async def limited(query: SearchQuery) -> list[Hit]:
        raise SourceRateLimited("Wait.")

    scripts = {"a": Script(searching=down), "b": Script(searching=refused), "c": Script(searching=limited)}
    server, _ = await scene.server(ann, scripts, access="public")
    async with scene.house.agent(server, None, mode=era) as agent:
        found = await agent.call_tool("search", {"query": "x"})
    assert found.is_error
    assert found.structured_content["results"] == []
    statuses = {report["source"]: report["status"] for report in found.structured_content["sources"]}
    assert statuses == {"a": "unavailable", "b": "unauthorized", "c": "rate_limited"}


@in_both_eras
async def test_bad_arguments_are_told_to_the_model(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    source = await gatehouse.sample(ann)
    server = await gatehouse.server(ann, [source], access="public")
    bad: list[tuple[str, dict[str, Any]]] = [
        ("search", {}),
        ("search", {"query": None}),
        ("search", {"query": 7}),
        ("search", {"query": ["a"]}),
        ("search", {"query": "a", "limit": 3}),
        ("search", {"q": "a"}),
        ("search", {"query": "x" * 1_001}),
        ("fetch", {}),
        ("fetch", {"id": 1}),
        ("fetch", {"id": "x", "query": "y"}),
        (f"{source['key']}_get_customer", {}),
        (f"{source['key']}_get_customer", {"id": "one"}),
        (f"{source['key']}_get_customer", {"id": 1, "typed-secret": "typed-secret"}),
    ]
    async with gatehouse.agent(server, None, mode=era) as agent:
        for name, arguments in bad:
            result = await agent.session.call_tool(name, arguments)
            assert result.is_error, (name, arguments)
            assert told(result)
            assert "typed-secret" not in told(result).replace("typed-secret: Extra inputs", "")


@in_both_eras
async def test_a_document_that_is_not_there_is_told_to_the_model(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    source = await gatehouse.sample(ann)
    server = await gatehouse.server(ann, [source], access="public")
    async with gatehouse.agent(server, None, mode=era) as agent:
        missing = await agent.call_tool("fetch", {"id": f"{source['key']}:999999"})
        assert missing.is_error
        assert told(missing) == NO_SUCH_DOCUMENT
        nobody = await agent.call_tool(f"{source['key']}_get_customer", {"id": 999_999})
        assert nobody.is_error
        assert told(nobody)


@in_both_eras
async def test_a_source_that_is_switched_off_or_taken_away_is_gone_everywhere(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    source = await gatehouse.sample(ann)
    server = await gatehouse.server(ann, [source], access="public")
    address = f"/api/v1/mcp-servers/{server['id']}"
    use = f"{address}/sources/{source['id']}"

    async def seen() -> tuple[int, int, bool]:
        async with gatehouse.agent(server, None, mode=era) as agent:
            found = await agent.call_tool("search", {"query": "active customers"})
            fetched = await agent.call_tool("fetch", {"id": f"{source['key']}:1"})
            assert not fetched.is_error or told(fetched) == NO_SUCH_DOCUMENT
            tools = (await agent.list_tools()).tools
            assert ("Customers" in (agent.instructions or "")) is not fetched.is_error
            return len(found.structured_content["sources"]), len(tools), fetched.is_error

    assert await seen() == (1, 4, False)
    await ann.http.patch(use, json={"enabled": False})
    assert await seen() == (0, 2, True)
    await ann.http.patch(use, json={"enabled": True})
    assert await seen() == (1, 4, False)
    await ann.http.put(address, json={"name": "Mine", "source_ids": [], "access": "public"})
    assert await seen() == (0, 2, True)
    await ann.http.put(address, json={"name": "Mine", "source_ids": [source["id"]], "access": "public"})
    assert await seen() == (1, 4, False)
    assert (await ann.http.delete(f"/api/v1/sources/{source['id']}")).status_code == 204
    assert await seen() == (0, 2, True)


async def test_both_eras_are_told_the_same_instructions_sources_first(gatehouse: Stand):
    ann = await gatehouse.person()
    sources = [await gatehouse.sample(ann, name=f"{number:02} " + "long name " * 8) for number in range(8)]
    server = await gatehouse.server(ann, sources, access="public", instructions="Ask politely. " * 50)
    told_by_era = set()
    for era in ERAS:
        async with gatehouse.agent(server, None, mode=era) as agent:
            told_by_era.add(agent.instructions or "")
    (text,) = told_by_era
    assert sum(source["name"] in text[:512] for source in sources) >= 3
    assert "and more" in text[:512]
    assert "Use search" in text[:512]
    assert text.endswith("Ask politely. " * 49 + "Ask politely.")


async def test_instructions_of_one_server_are_never_told_by_another(gatehouse: Stand):
    ann, bob = await gatehouse.person("ann"), await gatehouse.person("bob")
    hers = await gatehouse.server(ann, [await gatehouse.sample(ann, name="Hers")], access="public")
    his = await gatehouse.server(bob, [await gatehouse.sample(bob, name="His")], access="public")
    for era in ERAS:
        for server, own, other in ((hers, "Hers", "His"), (his, "His", "Hers")):
            async with gatehouse.agent(server, None, mode=era) as agent:
                assert own in (agent.instructions or "")
                assert other not in (agent.instructions or "")


@in_both_eras
async def test_each_source_that_finishes_is_reported(scene: Theatre, era: str):
    ann = await scene.house.person()
    server, _ = await scene.server(
        ann, {"alive": Script([hit("1"), hit("2")]), "dead": Script(searching=down)}, access="public"
    )
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    async with scene.house.agent(server, None, mode=era) as agent:
        await agent.call_tool("search", {"query": "x"}, progress_callback=hear)
    assert [(progress, total) for progress, total, _ in heard] == [(1, 2), (2, 2)]
    texts = sorted(text or "" for _, _, text in heard)
    assert re.fullmatch(r"alive: 2 results in \d+ ms", texts[0])
    assert re.fullmatch(r"dead: unavailable in \d+ ms", texts[1])


class Nothing(BaseModel):
    pass


class Broken(BaseModel):
    text: str


async def _break(source: ScriptedSource, arguments: Nothing) -> Broken:
    raise KeyError("a secret in a traceback")


BREAKING: Tool[Any, Nothing] = Tool(
    name="break", title="Break", description="Breaks.", arguments=Nothing, answer=Broken, hints=Hints(read_only=True),
    run=_break,
)  # fmt: skip


@in_both_eras
async def test_a_bug_in_a_handler_is_told_without_its_text(scene: Theatre, era: str):
    ann = await scene.house.person()

    async def broken(id: str) -> Document:
        raise KeyError("a secret in a traceback")

    async def malformed(query: SearchQuery) -> list[Hit]:
        return [Hit(id="1", title=None)]  # type: ignore[arg-type]  # as a handler with a bug would

    scripts = {
        "alive": Script([hit("1")]),
        "buggy": Script(fetching=broken, searching=malformed, tools=[BREAKING]),
    }
    server, sources = await scene.server(ann, scripts, access="public")
    key = sources["buggy"]["key"]
    async with scene.house.agent(server, None, mode=era) as agent:
        found = await agent.call_tool("search", {"query": "x"})
        assert [result["title"] for result in found.structured_content["results"]] == ["Title 1"]
        assert {one["source"]: one["status"] for one in found.structured_content["sources"]} == {
            "alive": "ok",
            "buggy": "failed",
        }
        for result in (
            await agent.call_tool("fetch", {"id": f"{key}:1"}),
            await agent.call_tool(f"{key}_break", {}),
        ):
            assert result.is_error
            assert told(result).startswith("buggy: Something went wrong inside Gatehouse")
            assert "secret" not in told(result)


@in_both_eras
async def test_half_a_character_from_a_source_breaks_no_answer(scene: Theatre, era: str):
    ann = await scene.house.person()
    half = "cut \ud83d here " * 10

    async def fetched(id: str) -> Document:
        return Document(id=id, title=half, text=half, metadata={"from": half})

    scripts = {
        "one": Script([hit("1", half, text=half), hit("\ud83d")], fetching=fetched),
        "two": Script([hit("1", half, text=half)]),
    }
    server, sources = await scene.server(ann, scripts, access="public")
    async with scene.house.agent(server, None, mode=era) as agent:
        found = await agent.call_tool("search", {"query": "x"})
        assert "cut \ufffd here" in found.structured_content["results"][0]["title"]
        document = await agent.call_tool("fetch", {"id": f"{sources['one']['key']}:1"})
        assert document.structured_content["text"] == half.replace("\ud83d", "\ufffd")


async def test_the_same_over_real_sockets(sqlite_url: str, tmp_path: Any):
    portal, gateway = ports(2)
    settings = settings_for(sqlite_url, tmp_path, port=portal, mcp_gateway_url_pools=f"http://localhost:{gateway}")
    async with served(settings) as gatehouse:
        house = Stand(gatehouse)
        house.__dict__["http"] = house.client(settings.portal_url)
        ann = await house.person()
        ann.http.base_url = settings.portal_url
        source = await house.sample(ann)
        server = await house.server(ann, [source], access="public")
        answers = []
        for era in ERAS:
            async with Client(server["url"], mode=era) as agent:
                names = [tool.name for tool in (await agent.list_tools()).tools]
                found = await agent.call_tool("search", {"query": "active customers"})
                first = await agent.call_tool("fetch", {"id": found.structured_content["results"][0]["id"]})
                answers.append((names, found.structured_content["results"], first.structured_content))
        assert answers[0] == answers[1]
        await house.aclose()
