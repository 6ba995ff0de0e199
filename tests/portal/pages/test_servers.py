"""The pages of servers."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from portal.pages.server_steps import clients
from tests.portal.membership import granted, joined
from tests.portal.pages.conftest import HTML, Reader, Reading
from tests.portal.pages.test_sources import NASTY
from tests.stand import PORTAL, Stand, settings_for, stand

pytestmark = pytest.mark.anyio

EDITORS_PLACES = ("members", "keys", "settings")
PLACES = ("", "/sources", "/agents", "/members", "/keys", "/settings")


async def made(reader: Reader, *source_ids: str, **fields: Any) -> str:
    """The path of a new server's page."""
    form = {"name": "Research", "access": "oauth", "source_ids": list(source_ids), **fields}
    reply = await reader.send("/servers/new", form)
    assert reply.status_code == 303, reply.text
    location: str = reply.headers["location"]
    return location


async def told(reader: Reader, path: str) -> dict[str, Any]:
    """The server as the API tells it."""
    server: dict[str, Any] = (await reader.person.http.get(f"/api/v1/mcp-servers/{path.split('/')[2]}")).json()
    return server


def settings(server: dict[str, Any], **changes: str) -> dict[str, str]:
    """What the owner's form of settings sends."""
    return {"name": server["name"], "instructions": "", "access": server["access"], "results": "20", **changes}


async def test_without_a_server_the_list_says_what_one_is(ann: Reader):
    page = await ann.page("/servers")
    assert "No server yet" in page.text
    assert 'href="/servers/new"' in page.text


async def test_a_server_is_made_in_one_form_and_its_address_stands_on_its_page(gatehouse: Stand, ann: Reader):
    source = await gatehouse.sample(ann.person)
    assert source["name"] in (await ann.page("/servers/new")).text
    path = await made(ann, source["id"], access="public")
    server = await told(ann, path)
    assert (server["access"], server["source_ids"]) == ("public", [source["id"]])
    for where in (path, "/servers"):
        assert f'value="{server["url"]}"' in (await ann.page(where)).text


async def test_what_was_typed_comes_back_with_a_form_that_is_refused(gatehouse: Stand, ann: Reader):
    source = await gatehouse.sample(ann.person)
    form = {"name": "", "access": "public", "source_ids": [source["id"]]}
    reply = await ann.send("/servers/new", form)
    assert reply.status_code == 422
    assert 'id="f-name-problem"' in reply.text
    assert re.search(rf'value="{source["id"]}" checked', reply.text)
    assert re.search(r'value="public" checked', reply.text)
    for wrong in ({"access": "everyone"}, {"source_ids": ["x"]}, {"source_ids": [source["id"]] * 101}):
        assert (await ann.send("/servers/new", {**form, "name": "Kept", **wrong})).status_code == 422
    assert "No server yet" in (await ann.page("/servers")).text


async def test_when_every_address_is_taken_the_form_says_what_to_do(sqlite_url: str, tmp_path: Path):
    async with stand(settings_for(sqlite_url, tmp_path, mcp_gateway_url_pools="https://g1.example.com")) as house:
        ann = await house.person("ann")
        http = house.client(PORTAL, Accept=HTML)
        http.cookies.set("session", ann.token)
        reader = Reader(ann, http)
        await made(reader)
        reply = await reader.send("/servers/new", {"name": "One too many", "access": "oauth"})
        assert reply.status_code == 409
        assert "Every address is taken." in reply.text
        assert 'value="One too many"' in reply.text


async def test_the_share_of_an_account_is_told_in_place(ann: Reader):
    for _ in range(5):
        await made(ann)
    reply = await ann.send("/servers/new", {"name": "A sixth", "access": "oauth"})
    assert reply.status_code == 409
    assert "An account may have 5 MCP servers." in reply.text


async def test_somebody_elses_source_cannot_be_ticked(gatehouse: Stand, ann: Reader, reading: Reading):
    bob = await reading(await gatehouse.person("bob"))
    foreign = await gatehouse.sample(bob.person)
    reply = await ann.send("/servers/new", {"name": "Mine", "access": "oauth", "source_ids": [foreign["id"]]})
    assert reply.status_code == 404
    path = await made(ann)
    assert (await ann.send(f"{path}/sources/choose", {"source_ids": [foreign["id"]]})).status_code == 404
    assert (await told(ann, path))["source_ids"] == []


async def test_the_steps_have_the_servers_own_address_and_can_be_pasted(ann: Reader):
    path = await made(ann)
    server = await told(ann, path)
    shown = html.unescape((await ann.page(path)).text)
    all_ = clients(server["url"], is_public=False)
    assert [client.key for client in all_] == [
        *("chatgpt", "claude", "claude_code", "vs_code", "cursor", "inspector", "curl")
    ]
    for client in all_:
        codes = [step.code for step in client.steps if step.code]
        codes += [client.with_key.code] if client.with_key else []
        assert codes, client.key
        for code in codes:
            assert server["url"] in code, client.key
            assert code in shown, client.key
            if code.startswith("{"):
                json.loads(code)


async def test_the_steps_of_a_public_server_ask_nobody_to_sign_in_or_for_a_key(ann: Reader):
    path = await made(ann, access="public")
    url = (await told(ann, path))["url"]
    guarded, public = clients(url, is_public=False), clients(url, is_public=True)
    assert [client.key for client in public] == [client.key for client in guarded]
    for client in public:
        said = " ".join([client.how, *(step.text for step in client.steps), *(step.code for step in client.steps)])
        assert not re.search(r"gh_|Authorization|OAuth|portal|Sign in|a key", said), client.key
        assert client.with_key is None
        assert any(url in step.code for step in client.steps), client.key
    shown = html.unescape((await ann.page(path)).text)
    for step in (step for client in public for step in client.steps):
        assert step.text in shown
        assert step.code in shown
    assert "gh_..." not in shown


async def test_the_pages_of_a_public_server_say_that_nobody_needs_a_key_or_asks(ann: Reader):
    public, guarded = await made(ann, access="public"), await made(ann)
    for place, said in (("keys", "so no program needs a key"), ("agents", "so agents need not ask")):
        assert said in (await ann.page(f"{public}/{place}")).text
        assert said not in (await ann.page(f"{guarded}/{place}")).text


async def test_sources_are_switched_off_and_on_in_place_and_without_scripts(gatehouse: Stand, ann: Reader):
    source = await gatehouse.sample(ann.person)
    path = await made(ann, source["id"])
    switch = f"{path}/sources/{source['id']}/switch"
    part = await ann.send(switch, {"enabled": "off"}, HX_Request="true")
    assert part.text.strip().startswith("<li")
    assert 'aria-checked="false"' in part.text
    assert (await told(ann, path))["sources"][0]["enabled"] is False
    whole = await ann.send(switch, {"enabled": "on"})
    assert whole.headers["location"] == f"{path}/sources"
    assert (await told(ann, path))["sources"][0]["enabled"] is True


async def test_budget_and_tools_of_a_source_are_chosen_and_given_back(gatehouse: Stand, ann: Reader):
    source = await gatehouse.sample(ann.person, allow_writes=True)
    path = await made(ann, source["id"])
    use = f"{path}/sources/{source['id']}"
    tools = re.findall(r'name="tools" value="(\w+)"', (await ann.page(use)).text)
    assert len(tools) > 1
    for chosen in ([tools[0]], []):
        await ann.send(use, {"budget_s": "1.5", "which": "chosen", "tools": chosen})
        used = (await told(ann, path))["sources"][0]
        assert (used["budget_ms"], used["exposed_tools"]) == (1500, chosen)
        assert f"agents see {len(chosen)} of {len(tools)} tools" in (await ann.page(f"{path}/sources")).text
    assert "1.5 s for each search" in (await ann.page(f"{path}/sources")).text
    assert re.search(r'name="budget_s" type="number" value="1.5"', (await ann.page(use)).text)
    await ann.send(use, {"budget_s": "", "which": "all"})
    used = (await told(ann, path))["sources"][0]
    assert (used["budget_ms"], used["exposed_tools"]) == (None, None)


async def test_a_wrong_budget_or_tool_is_told_and_changes_nothing(gatehouse: Stand, ann: Reader):
    source = await gatehouse.sample(ann.person)
    path = await made(ann, source["id"])
    use, before = f"{path}/sources/{source['id']}", await told(ann, path)
    for wrong, where in (
        ({"budget_s": "0.1", "which": "all"}, "f-budget_s-problem"),
        ({"budget_s": "4000", "which": "all"}, "f-budget_s-problem"),
        ({"budget_s": "soon", "which": "all"}, "f-budget_s-problem"),
        ({"which": "chosen", "tools": ["drop_everything"]}, "f-tools-problem"),
    ):
        reply = await ann.send(use, wrong)
        assert reply.status_code == 422
        assert f'id="{where}"' in reply.text
    assert await told(ann, path) == before


async def test_sources_are_chosen_anew_and_those_that_stay_keep_their_budgets(gatehouse: Stand, ann: Reader):
    first, second = [await gatehouse.sample(ann.person, name=name) for name in ("First", "Second")]
    path = await made(ann, first["id"])
    await ann.send(f"{path}/sources/{first['id']}", {"budget_s": "0.9", "which": "all"})
    await ann.send(f"{path}/sources/choose", {"source_ids": [first["id"], second["id"]]})
    budgets = {one["name"]: one["budget_ms"] for one in (await told(ann, path))["sources"]}
    assert budgets == {"First": 900, "Second": None}


async def test_settings_are_saved_and_what_is_left_empty_takes_its_default(gatehouse: Stand, ann: Reader):
    source = await gatehouse.sample(ann.person)
    path = await made(ann, source["id"])
    form = settings(await told(ann, path), name="Desk", deadline_s="7", results="5", rerank="on")
    await ann.send(f"{path}/settings", {**form, "instructions": "Ask it\r\nfirst."})
    server = await told(ann, path)
    assert (server["name"], server["instructions"]) == ("Desk", "Ask it\nfirst.")
    assert (server["deadline_ms"], server["results"], server["rerank"]) == (7000, 5, True)
    assert server["source_ids"] == [source["id"]]
    assert 'name="deadline_s" type="number" value="7"' in (await ann.page(f"{path}/settings")).text
    await ann.send(f"{path}/settings", settings(server, deadline_s=""))
    server = await told(ann, path)
    assert (server["instructions"], server["deadline_ms"], server["rerank"]) == (None, None, False)


async def test_wrong_settings_are_told_beside_their_fields(ann: Reader):
    path = await made(ann)
    form = settings(await told(ann, path), deadline_s="61", results="101")
    reply = await ann.send(f"{path}/settings", {**form, "name": ""})
    assert reply.status_code == 422
    for field in ("name", "deadline_s", "results"):
        assert f'id="f-{field}-problem"' in reply.text
    assert "Write seconds between 0.2 and 60, as in 2.5." in reply.text
    assert 'value="61"' in reply.text


async def test_a_manager_changes_the_words_and_nothing_else(gatehouse: Stand, ann: Reader, reading: Reading):
    server = await gatehouse.server(ann.person, [await gatehouse.sample(ann.person)], results=7, deadline_ms=3000)
    bob = await reading(await joined(gatehouse, ann.person, server, "manager"))
    path = f"/servers/{server['id']}"
    page = await bob.page(f"{path}/settings")
    assert 'name="instructions"' in page.text
    assert 'name="access"' not in page.text
    sent = {"name": "Ours", "instructions": "x", "access": "public", "results": "1", "rerank": "on"}
    assert (await bob.send(f"{path}/settings", sent)).status_code == 303
    now = await told(ann, path)
    assert (now["name"], now["access"], now["results"], now["deadline_ms"], now["rerank"]) == (
        *("Ours", "oauth", 7, 3000, False),
    )


async def test_a_reader_sees_address_steps_and_names_and_can_leave(gatehouse: Stand, ann: Reader, reading: Reading):
    source = await gatehouse.sample(ann.person, name="Customers of Ann")
    server = await gatehouse.server(ann.person, [source])
    person = await joined(gatehouse, ann.person, server)
    bob, path = await reading(person), f"/servers/{server['id']}"
    page = await bob.page(path)
    assert server["url"] in page.text
    for place in EDITORS_PLACES:
        assert f'href="{path}/{place}"' not in page.text
        assert (await bob.page(f"{path}/{place}")).status_code == 403
    sources = (await bob.page(f"{path}/sources")).text
    assert "Customers of Ann" in sources
    assert 'role="switch"' not in sources
    assert (await bob.page(f"{path}/leave")).status_code == 200
    assert (await bob.send(f"{path}/leave")).headers["location"] == "/servers"
    assert (await bob.page(path)).status_code == 404


async def test_the_owner_cannot_leave(ann: Reader):
    path = await made(ann)
    assert (await ann.page(f"{path}/leave")).status_code == 409
    assert (await ann.send(f"{path}/leave")).status_code == 409


async def test_an_invitation_is_shown_once_and_makes_a_member(gatehouse: Stand, ann: Reader, reading: Reading):
    path, bob = await made(ann), await reading(await gatehouse.person("bob"))
    reply = await ann.send(f"{path}/invitations", {"email": bob.person.email, "role": "reader"})
    (link,) = re.findall(r'value="http[^"]+(/join\?token=[^"]+)"', reply.text)
    token = link.partition("=")[2]
    listed = (await ann.page(f"{path}/members")).text
    assert bob.person.email in listed
    assert token not in listed
    assert (await bob.send("/join", {"token": token})).status_code == 303
    await ann.send(f"{path}/members/{bob.person.id}/role", {"role": "manager"})
    assert (await bob.page(f"{path}/keys")).status_code == 200
    await ann.send(f"{path}/members/{bob.person.id}/remove")
    assert (await bob.page(path)).status_code == 404


async def test_invitations_are_refused_in_place_and_withdrawn(ann: Reader):
    path = await made(ann)
    reply = await ann.send(f"{path}/invitations", {"email": "nobody", "role": "owner"})
    assert reply.status_code == 422
    assert 'value="nobody"' in reply.text
    assert (await ann.send(f"{path}/invitations", {"email": ann.person.email, "role": "reader"})).status_code == 409
    await ann.send(f"{path}/invitations", {"email": "b@example.com", "role": "reader"})
    (action,) = re.findall(r'action="([^"]+/withdraw)"', (await ann.page(f"{path}/members")).text)
    await ann.send(action)
    assert "b@example.com" not in (await ann.page(f"{path}/members")).text


async def test_a_key_is_shown_once_works_and_stops(gatehouse: Stand, ann: Reader):
    path = await made(ann)
    server = await told(ann, path)
    reply = await ann.send(f"{path}/keys", {"name": "Nightly", "expires_at": "2999-01-31"})
    (key,) = re.findall(r'value="(gh_[^"]+)"', reply.text)
    listed = (await ann.page(f"{path}/keys")).text
    assert key not in listed
    assert key[:9] in listed
    assert "31 Jan 2999, 23:59 UTC" in listed
    async with gatehouse.agent(server, key) as agent:
        assert (await agent.list_tools()).tools
    (action,) = re.findall(r'action="([^"]+/revoke)"', listed)
    await ann.send(action)
    assert key[:9] not in (await ann.page(f"{path}/keys")).text


async def test_the_list_of_keys_says_who_made_each(gatehouse: Stand, ann: Reader, reading: Reading):
    server = await gatehouse.server(ann.person)
    bob = await reading(await joined(gatehouse, ann.person, server, "manager"))
    await gatehouse.key(ann.person, server, name="Of Ann")
    await gatehouse.key(bob.person, server, name="Of Bob")

    async def makers(reader: Reader) -> dict[str, str]:
        text = html.unescape((await reader.page(f"/servers/{server['id']}/keys")).text)
        found = re.findall(r'<strong dir="auto">(Of \w+)</strong>.*? by (.*?)</p>', text, re.DOTALL)
        return {name: re.sub("<.*?>", "", maker) for name, maker in found}

    seen_by_ann, seen_by_bob = await makers(ann), await makers(bob)
    assert (seen_by_ann["Of Ann"], seen_by_bob["Of Bob"]) == ("you", "you")
    assert seen_by_ann["Of Bob"].endswith(f"({bob.person.email})")
    assert seen_by_bob["Of Ann"].endswith(f"({ann.person.email})")


@pytest.mark.parametrize("day", ["2001-01-01", "tomorrow", "9999-99-99"])
async def test_a_key_is_not_made_for_a_day_that_is_none_or_past(ann: Reader, day: str):
    path = await made(ann)
    reply = await ann.send(f"{path}/keys", {"name": "Nightly", "expires_at": day})
    assert reply.status_code == 422
    assert 'id="f-expires_at-problem"' in reply.text
    assert 'value="Nightly"' in reply.text


async def test_agents_are_listed_by_role_and_disconnected(gatehouse: Stand, ann: Reader, reading: Reading):
    server = await gatehouse.server(ann.person)
    path = f"/servers/{server['id']}/agents"
    assert "No agent is connected" in (await ann.page(path)).text
    bob = await reading(await joined(gatehouse, ann.person, server))
    for person in (ann.person, bob.person):
        await granted(gatehouse, person, server)
    actions = [re.findall(r'action="([^"]+/disconnect)"', (await one.page(path)).text) for one in (ann, bob)]
    assert [len(one) for one in actions] == [2, 1]
    (others,) = set(actions[0]) - set(actions[1])
    assert (await bob.send(others)).status_code == 403
    assert (await bob.send(actions[1][0])).status_code == 303
    assert "No agent is connected" in (await bob.page(path)).text


async def test_deleting_says_what_goes_and_then_it_is_gone(ann: Reader):
    path = await made(ann)
    url = (await told(ann, path))["url"]
    assert url in (await ann.page(f"{path}/delete")).text
    assert (await ann.send(f"{path}/delete")).headers["location"] == "/servers"
    assert "Research is deleted." in (await ann.page("/servers")).text
    assert (await ann.page(path)).status_code == 404


async def test_a_server_whose_domain_left_the_pool_says_so(sqlite_url: str, tmp_path: Path):
    said = "does not answer any longer"
    async with stand(settings_for(sqlite_url, tmp_path, mcp_gateway_url_pools="https://g1.example.com")) as house:
        ann = await house.person("ann")
        path = f"/servers/{(await house.server(ann))['id']}"
        http = house.client(PORTAL, Accept=HTML, Cookie=f"session={ann.token}")
        assert [said in (await http.get(where)).text for where in ("/servers", path)] == [False, False]
    async with stand(settings_for(sqlite_url, tmp_path, mcp_gateway_url_pools="https://g2.example.com")) as house:
        http = house.client(PORTAL, Accept=HTML, Cookie=f"session={ann.token}")
        assert [said in (await http.get(where)).text for where in ("/servers", path)] == [True, True]


@pytest.mark.parametrize("nasty", NASTY)
async def test_whatever_people_write_is_shown_as_text(gatehouse: Stand, ann: Reader, reading: Reading, nasty: str):
    await ann.send("/account/name", {"name": nasty})
    source = await gatehouse.sample(ann.person, name=nasty)
    path = await made(ann, source["id"], name=nasty)
    await ann.send(f"{path}/settings", settings(await told(ann, path), name=nasty, instructions=nasty))
    await ann.send(f"{path}/keys", {"name": nasty})
    bob = await reading(await joined(gatehouse, ann.person, {"id": path.split("/")[2]}))
    await bob.send("/account/name", {"name": nasty})
    refused = await ann.send("/servers/new", {"name": nasty, "access": nasty, "source_ids": [nasty]})
    pages = [refused, await bob.page("/servers"), await bob.page(path)]
    more = ("/servers", "/servers/new", *(path + place for place in PLACES), f"{path}/delete")
    pages += [await ann.page(where) for where in (*more, f"{path}/sources/choose", f"{path}/sources/{source['id']}")]
    for page in pages:
        assert page.status_code in (200, 422), page.url
        if "<" in nasty:
            assert nasty not in page.text, page.url
        assert "<script>alert" not in page.text
        assert "onerror=alert(1)>" not in page.text
        assert ">49<" not in page.text


async def test_lists_come_in_parts(gatehouse: Stand, ann: Reader):
    server = await gatehouse.server(ann.person)
    for number in range(51):
        await gatehouse.key(ann.person, server, name=f"Key {number:02}")
    path = f"/servers/{server['id']}/keys"
    page = (await ann.page(path)).text
    assert page.count("/revoke") == 50
    following = page.split('rel="next"')[0].rpartition('href="')[2].split('"')[0]
    assert "Key 00" in (await ann.page(following)).text
