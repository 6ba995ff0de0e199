"""What agents may read by address, and the lists that are there for every client."""

from __future__ import annotations

import json

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import TextResourceContents

from tests.stand import Stand

pytestmark = pytest.mark.anyio
ERAS = ("legacy", "auto")
in_both_eras = pytest.mark.parametrize("era", ERAS)


@in_both_eras
async def test_prompts_and_resources_are_lists_for_every_server(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann, access="public")
    async with gatehouse.agent(server, None, mode=era) as agent:
        assert (await agent.list_prompts()).prompts == []
        assert (await agent.list_resources()).resources == []
        assert (await agent.list_resource_templates()).resource_templates == []
        with pytest.raises(MCPError) as refused:
            await agent.get_prompt("anything")
        assert refused.value.error.code == -32602


@in_both_eras
async def test_resources_are_listed_and_read_page_by_page(gatehouse: Stand, era: str):
    ann = await gatehouse.person()
    source = await gatehouse.sample(ann)
    server = await gatehouse.server(ann, [source], access="public")
    async with gatehouse.agent(server, None, mode=era) as agent:
        listed = (await agent.list_resources()).resources
        assert listed
        assert all(str(resource.uri).startswith(f"db://{source['key']}/") for resource in listed)
        templates = (await agent.list_resource_templates()).resource_templates
        assert [template.uri_template for template in templates] == [f"{one.uri}{{?cursor}}" for one in listed]
        for resource in listed:
            (page,) = (await agent.read_resource(str(resource.uri))).contents
            assert isinstance(page, TextResourceContents)
            assert json.loads(page.text)
            assert page.mime_type == "application/json"


@in_both_eras
async def test_no_address_reads_what_is_not_listed(gatehouse: Stand, era: str):
    ann, bob = await gatehouse.person("ann"), await gatehouse.person("bob")
    hers = await gatehouse.sample(ann)
    source = await gatehouse.sample(bob)
    server = await gatehouse.server(bob, [source], access="public")
    async with gatehouse.agent(server, None, mode=era) as agent:
        (known,) = {str(one.uri) for one in (await agent.list_resources()).resources if str(one.uri).count("/") == 3}
        texts = set()
        for address in (
            known.replace(source["key"], hers["key"]),
            known + "x",
            known + "#fragment",
            known.replace("db://", "http://"),
            known.replace(source["key"], f"{source['key']}@x"),
            f"db://{source['key']}/../{source['key']}/customers",
            f"db://{source['key']}/%00",
            f"{known}?cursor=forged",
            "db://",
            "file:///etc/passwd",
            "nonsense",
            "db://[",
            known + "y" * 3_000,
        ):
            with pytest.raises(MCPError) as refused:
                await agent.read_resource(address)
            assert refused.value.error.code == -32602, address
            texts.add(refused.value.error.message)
        assert len(texts) <= 2  # no such resource; a cursor that is not ours
