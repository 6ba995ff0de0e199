"""The pages of sources."""

from __future__ import annotations

import re

import pytest

from tests.portal.pages.conftest import Reader, Reading
from tests.stand import Stand

pytestmark = pytest.mark.anyio

BOX = {"config.client_id": "abc", "config.client_secret": "s3cret-of-box", "config.subject_id": "12"}
NASTY = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'; alert(1); '", "{{ 7*7 }}", "${7*7}",
    "javascript:alert(1)", "</textarea><script>alert(1)</script>", "&lt;script&gt;", "<svg/onload=alert(1)>",
)  # fmt: skip


async def add_box(reader: Reader, name: str = "Contracts") -> str:
    """The path of the new source's page; nothing listens where Box should be, so it is not connected."""
    reply = await reader.send("/sources/new/box", {"name": name, **BOX})
    assert reply.status_code == 303
    location: str = reply.headers["location"]
    return location


async def test_a_secret_is_never_on_a_page_and_stays_when_it_is_left_empty(gatehouse: Stand, ann: Reader):
    path = await add_box(ann)
    page = await ann.page(path)
    assert "s3cret-of-box" not in page.text
    assert "Stored; leave empty to keep it" in page.text
    changed = await ann.send(path, {"name": "Files", **BOX, "config.client_secret": ""})
    assert changed.status_code == 303
    listed = (await ann.person.http.get("/api/v1/sources")).json()["items"]
    assert [(one["name"], one["secrets"]) for one in listed] == [("Files", ["client_secret"])]


async def test_a_stored_secret_is_asked_for_again_when_it_would_go_elsewhere(ann: Reader):
    path = await add_box(ann)
    reply = await ann.send(path, {"name": "Files", **BOX, "config.client_id": "other", "config.client_secret": ""})
    assert reply.status_code == 422
    assert "Enter it again: client_id changed" in reply.text


async def test_wrong_settings_are_told_beside_their_fields_and_secrets_do_not_come_back(ann: Reader):
    wrong = {"name": "", **BOX, "config.subject_id": "not a number"}
    reply = await ann.send("/sources/new/box", wrong)
    assert reply.status_code == 422
    assert 'id="f-config-subject_id-problem"' in reply.text or 'id="f-name-problem"' in reply.text
    assert "s3cret-of-box" not in reply.text
    reply = await ann.send("/sources/new/box", {**wrong, "name": "Files"})
    assert 'id="f-config-subject_id-problem"' in reply.text
    assert 'value="not a number"' in reply.text


async def test_somebody_elses_source_is_not_there(gatehouse: Stand, ann: Reader, reading: Reading):
    path = await add_box(ann)
    bob = await reading(await gatehouse.person("bob"))
    for foreign in (path, f"{path}/delete"):
        assert (await bob.page(foreign)).status_code == 404
        assert (await bob.send(foreign, {"name": "mine", **BOX})).status_code == 404
    assert (await bob.send(f"{path}/check")).status_code == 404
    assert "Contracts" not in (await bob.page("/sources")).text


async def test_deleting_says_which_servers_lose_it(gatehouse: Stand, ann: Reader):
    source = await gatehouse.sample(ann.person)
    await gatehouse.server(ann.person, [source], name="Research")
    await gatehouse.server(ann.person, [], name="Unrelated")
    page = await ann.page(f"/sources/{source['id']}/delete")
    assert "Research" in page.text
    assert "Unrelated" not in page.text
    gone = await ann.send(f"/sources/{source['id']}/delete")
    assert gone.headers["location"] == "/sources"
    said = await ann.page("/sources")
    assert "Customers is deleted" in said.text
    assert "Customers is deleted" not in (await ann.page("/sources")).text, "it is said once"


@pytest.mark.parametrize("nasty", NASTY)
async def test_names_are_shown_as_text(gatehouse: Stand, ann: Reader, nasty: str):
    path = await add_box(ann, nasty)
    source = await gatehouse.sample(ann.person, name=nasty)
    await gatehouse.server(ann.person, [source], name=nasty)
    await ann.send("/account/name", {"name": nasty})
    for where in ("/sources", path, f"{path}/delete", f"/sources/{source['id']}/delete", "/account", "/account/delete"):
        page = await ann.page(where)
        if "<" in nasty:
            assert nasty not in page.text, where
        assert "<script>alert" not in page.text
        assert "onerror=alert(1)>" not in page.text
    assert ">49<" not in (await ann.page("/account/delete")).text


async def test_500_sources_come_in_pages_and_are_found_by_name_and_status(gatehouse: Stand, ann: Reader):
    body = {"type": "customer_db", "config": {"url": "sample"}}
    for number in range(65):
        made = await ann.person.http.post("/api/v1/sources", json={"name": f"Source {number:03}", **body})
        made.raise_for_status()
    page = await ann.page("/sources")
    assert page.text.count("<article") == 30
    assert "Source 064" in page.text
    following = page.text.split('rel="next"')[0].rpartition('href="')[2].split('"')[0].replace("&amp;", "&")
    assert (await ann.page(following)).text.count("<article") == 30
    assert (await ann.page("/sources?q=rce+00")).text.count("<article") == 10
    assert (await ann.page("/sources?q=%25")).text.count("<article") == 0, "a percent sign is a percent sign"
    assert (await ann.page("/sources?status=ok")).text.count("<article") == 0
    assert (await ann.page("/sources?status=unchecked&q=064")).text.count("<article") == 1


async def test_a_cursor_that_is_not_ours_is_told_so(ann: Reader):
    assert (await ann.page("/sources?cursor=nonsense")).status_code == 422


async def test_the_check_of_a_source_answers_in_place_with_its_card(gatehouse: Stand, ann: Reader):
    source = await gatehouse.sample(ann.person)
    part = await ann.send(f"/sources/{source['id']}/check", HX_Request="true")
    assert part.text.strip().startswith("<article")
    whole = await ann.send(f"/sources/{source['id']}/check")
    assert whole.headers["location"] == "/sources"


async def test_the_guides_are_pages(gatehouse: Stand):
    for handler in gatehouse.gatehouse.registry:
        page = await gatehouse.http.get(f"/guides/{handler.key}")
        assert page.status_code == 200, handler.key
        assert "<h1>" in page.text
    for nothing in ("README", "../../README", "..%2f..%2fREADME", "none"):
        assert (await gatehouse.http.get(f"/guides/{nothing}")).status_code == 404


async def test_a_card_says_when_its_source_last_answered_and_that_no_other_did_lately(gatehouse: Stand, ann: Reader):
    asked, idle = [await gatehouse.sample(ann.person, name=name) for name in ("Asked", "Idle")]
    server = await gatehouse.server(ann.person, [asked])
    await ann.send("/playground", {"server": server["id"], "query": "hart"})
    await ann.page("/activity")  # returns when the trail is written

    async def answered(source: dict[str, str]) -> str:
        card = (await ann.page("/sources")).text.partition(f'id="source-{source["id"]}"')[2].partition("</article>")[0]
        told: list[str] = re.findall(r"<dt>Last answer</dt>\s*<dd>(.*?)</dd>", card)
        return told[0]

    assert "<time" in await answered(asked)
    assert "none lately" in await answered(idle)
