"""Which tools are listed, for whom, and what they say of themselves."""

from __future__ import annotations

import re
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from tests.stand import Stand

pytestmark = pytest.mark.anyio
ERAS = ("legacy", "auto")
in_both_eras = pytest.mark.parametrize("era", ERAS)

READING = {"get_customer", "list_customers"}
WRITING = {"add_customer", "update_customer", "disable_customer", "activate_customer"}


def own_tools(tools: Any, key: str) -> set[str]:
    return {tool.name.removeprefix(f"{key}_") for tool in tools if tool.name.startswith(key)}


@in_both_eras
async def test_search_and_fetch_take_exactly_one_string(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann, access="public")
    async with gatehouse.agent(server, None, mode=era) as agent:
        search, fetch = (await agent.list_tools()).tools
        for tool, argument in ((search, "query"), (fetch, "id")):
            schema = dict(tool.input_schema)
            assert schema["properties"].pop(argument)["type"] == "string"
            assert schema == {"type": "object", "properties": {}, "required": [argument], "additionalProperties": False}


@in_both_eras
async def test_every_tool_says_what_it_does_to_the_world(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    source = await gatehouse.sample(ann, allow_writes=True)
    server = await gatehouse.server(ann, [source])
    async with gatehouse.agent(server, await gatehouse.key(ann, server), mode=era) as agent:
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
    assert own_tools(tools.values(), source["key"]) == READING | WRITING
    for name, tool in tools.items():
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)
        assert tool.title
        assert tool.description
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
        assert tool.annotations is not None
        assert tool.annotations.open_world_hint is False
        writes = name.split("_", 1)[-1] in WRITING
        assert tool.annotations.read_only_hint is not writes
        assert tool.annotations.destructive_hint is not None
        assert writes or tool.annotations.destructive_hint is False


@in_both_eras
async def test_an_unknown_tool_is_invalid_params(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    source = await gatehouse.sample(ann)
    server = await gatehouse.server(ann, [source], access="public")
    names = ("nothing", "", "Search", f"{source['key']}_nothing", "get_customer", "customers-xxxx_get_customer", "\0")
    async with gatehouse.agent(server, None, mode=era) as agent:
        for name in names:
            with pytest.raises(MCPError) as refused:
                await agent.session.call_tool(name, {"id": 1})
            assert refused.value.error.code == -32602, name


@in_both_eras
async def test_strangers_never_get_the_tools_that_write(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    source = await gatehouse.sample(ann, allow_writes=True)
    server = await gatehouse.server(ann, [source], access="public")
    async with gatehouse.agent(server, None, mode=era) as stranger:
        assert own_tools((await stranger.list_tools()).tools, source["key"]) == READING
        with pytest.raises(MCPError) as refused:
            await stranger.session.call_tool(f"{source['key']}_disable_customer", {"id": 1})
        assert refused.value.error.code == -32602
    async with gatehouse.agent(server, await gatehouse.key(ann, server), mode=era) as owner:
        assert own_tools((await owner.list_tools()).tools, source["key"]) == READING | WRITING
        done = await owner.call_tool(f"{source['key']}_get_customer", {"id": 1})
        assert done.structured_content["status"] == "active"


@in_both_eras
async def test_without_allow_writes_nobody_gets_the_tools_that_write(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    source = await gatehouse.sample(ann)
    server = await gatehouse.server(ann, [source])
    async with gatehouse.agent(server, await gatehouse.key(ann, server), mode=era) as agent:
        assert own_tools((await agent.list_tools()).tools, source["key"]) == READING
        with pytest.raises(MCPError):
            await agent.session.call_tool(f"{source['key']}_disable_customer", {"id": 1})


@in_both_eras
async def test_agents_see_the_exposed_tools_alone(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    source = await gatehouse.sample(ann)
    server = await gatehouse.server(ann, [source], access="public")
    use = f"/api/v1/mcp-servers/{server['id']}/sources/{source['id']}"
    for exposed, seen in ((["list_customers"], {"list_customers"}), ([], set()), (None, READING)):
        assert (await ann.http.patch(use, json={"exposed_tools": exposed})).status_code == 200
        async with gatehouse.agent(server, None, mode=era) as agent:
            assert own_tools((await agent.list_tools()).tools, source["key"]) == seen
            if "get_customer" not in seen:
                with pytest.raises(MCPError):
                    await agent.session.call_tool(f"{source['key']}_get_customer", {"id": 1})


@in_both_eras
async def test_the_list_of_tools_is_the_same_every_time(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    sources = [await gatehouse.sample(ann, name=f"Sample {number}") for number in range(3)]
    server = await gatehouse.server(ann, sources, access="public")
    lists = []
    for _ in range(3):
        async with gatehouse.agent(server, None, mode=era) as agent:
            lists.append((await agent.list_tools()).model_dump_json())
        await ann.http.put(
            f"/api/v1/mcp-servers/{server['id']}",
            json={"name": "Mine", "source_ids": [source["id"] for source in reversed(sources)], "access": "public"},
        )
    assert len(set(lists)) == 1


async def test_what_may_be_kept_is_private_and_for_a_while(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann, [await gatehouse.sample(ann)], access="public")
    async with gatehouse.agent(server, None) as agent:
        for answer in (await agent.list_tools(), await agent.list_resources(), await agent.list_prompts()):
            assert (answer.ttl_ms, answer.cache_scope) == (60_000, "private")
