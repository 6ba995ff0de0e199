"""Files, folders and comments; texts that Box makes of files; downloads."""

from __future__ import annotations

import pytest

from sandbox.app import create_app
from sandbox.behaviour import Behaviour
from sandbox.documents.render import file_bytes
from tests.sandbox.callers import calling

pytestmark = pytest.mark.anyio

CAPA = "200301"
NOTES = "200503"
SCAN = "200117"
FIELDS = {"fields": "name,representations"}


def entries(answer):
    return answer.json()["representations"]["entries"]


async def test_a_file_in_its_standard_form(caller):
    file = (await caller.box(f"/files/{CAPA}")).json()
    assert file["name"] == "CAPA-2026-07 Excursion at Medivar Antwerp.docx"
    assert [folder["name"] for folder in file["path_collection"]["entries"]] == ["All Files", "Quality"]
    assert file["modified_at"] == "2026-10-06T12:00:00+00:00"
    assert file["owned_by"]["name"] == "Hannah Cole"
    assert "representations" not in file


async def test_a_shared_link_comes_when_there_is_one(caller):
    shared = await caller.box("/files/200401", fields="shared_link")
    assert shared.json()["shared_link"]["url"] == "https://larkfield.app.box.example.com/s/l4datasheet"
    assert (await caller.box(f"/files/{CAPA}", fields="shared_link")).json()["shared_link"] is None


async def test_fields_that_nothing_has_are_passed_over(caller):
    answer = await caller.box(f"/files/{CAPA}", fields="tags,extension,colour")
    assert answer.json() == {
        "type": "file",
        "id": CAPA,
        "etag": "0",
        "tags": ["capa", "medivar"],
        "extension": "docx",
    }


@pytest.mark.parametrize(("id", "status"), [("999999", 404), ("abc", 405)])
async def test_ids_of_no_file(caller, id, status):
    assert (await caller.box(f"/files/{id}")).status_code == status


async def test_a_text_is_made_when_it_is_asked_for(caller):
    hints = {"x-rep-hints": "[markdown]"}
    (entry,) = entries(await caller.box(f"/files/{CAPA}", headers=hints, **FIELDS))
    assert (entry["representation"], entry["status"]["state"]) == ("markdown", "none")
    content = entry["content"]["url_template"].replace("{+asset_path}", "")
    early = await caller.box(content)
    assert (early.status_code, early.headers["retry-after"]) == (202, "1")
    states = [(await caller.box(entry["info"]["url"])).json()["status"]["state"] for _ in range(3)]
    assert states == ["pending", "success", "success"]
    (again,) = entries(await caller.box(f"/files/{CAPA}", headers=hints, **FIELDS))
    assert again["status"]["state"] == "success"
    assert (await caller.box(content)).text.startswith("# CAPA-2026-07: Excursion in storage zone C")


async def test_extracted_text_has_no_marks(caller):
    (entry,) = entries(await caller.box(f"/files/{CAPA}", headers={"x-rep-hints": "[extracted_text]"}, **FIELDS))
    for _ in range(2):
        await caller.box(entry["info"]["url"])
    text = (await caller.box(entry["content"]["url_template"].replace("{+asset_path}", ""))).text
    assert text.startswith("CAPA-2026-07: Excursion in storage zone C")
    assert "|" not in text
    assert "#" not in text


@pytest.mark.parametrize(
    ("id", "hints", "names"),
    [
        (CAPA, "[markdown][extracted_text]", ["markdown", "extracted_text"]),
        (CAPA, "[markdown,extracted_text]", ["markdown"]),
        (NOTES, "[markdown,extracted_text]", ["extracted_text"]),
        (NOTES, "[markdown]", []),
        (SCAN, "[markdown][extracted_text]", []),
        (CAPA, "", []),
        (CAPA, "[jpg?dimensions=32x32]", []),
    ],
)
async def test_hints_choose_among_what_a_file_can_have(caller, id, hints, names):
    answer = await caller.box(f"/files/{id}", headers={"x-rep-hints": hints}, **FIELDS)
    assert [entry["representation"] for entry in entries(answer)] == names


async def test_a_representation_that_a_file_cannot_have(caller):
    for name, version in (("markdown", "2005031"), ("extracted_text", "7")):
        path = f"/internal_files/{NOTES}/versions/{version}/representations/{name}"
        assert (await caller.box(path)).status_code == 404


@pytest.mark.parametrize("behaviour", [Behaviour(representation_polls=0)])
async def test_a_text_may_be_there_at_once(caller):
    (entry,) = entries(await caller.box(f"/files/{NOTES}", headers={"x-rep-hints": "[extracted_text]"}, **FIELDS))
    assert (await caller.box(entry["info"]["url"])).json()["status"]["state"] == "success"


async def test_a_download_is_a_redirect_to_an_address_that_needs_no_token(caller, client, world):
    answer = await caller.box(f"/files/{CAPA}/content")
    assert answer.status_code == 302
    location = answer.headers["location"]
    assert location.startswith("http://sandbox.example.com/box/dl/")
    downloaded = await client.get(location)
    (file,) = (file for file in world.files if file.id == CAPA)
    assert downloaded.content == file_bytes(file.name, file.text)
    assert downloaded.headers["content-type"].endswith("wordprocessingml.document")


async def test_a_part_of_a_download(caller, client):
    location = (await caller.box(f"/files/{NOTES}/content")).headers["location"]
    part = await client.get(location, headers={"range": "bytes=0-5"})
    assert (part.status_code, part.text) == (206, "Wave 2")
    rest = await client.get(location, headers={"range": "bytes=6-"})
    assert (part.content + rest.content) == (await client.get(location)).content
    assert (await client.get(location, headers={"range": "bytes=99999-"})).status_code == 416


async def test_an_address_does_not_hold_for_ever(caller, client, clock):
    location = (await caller.box(f"/files/{NOTES}/content")).headers["location"]
    clock.pass_(15 * 60)
    assert (await client.get(location)).status_code == 404


async def test_a_file_of_this_moment_is_not_ready_the_first_time(caller):
    first = await caller.box(f"/files/{SCAN}/content")
    assert (first.status_code, first.headers["retry-after"]) == (202, "1")
    assert (await caller.box(f"/files/{SCAN}/content")).status_code == 302


async def test_folders_hold_what_the_user_may_see(caller):
    root = (await caller.box("/folders/0/items")).json()
    assert [entry["name"] for entry in root["entries"]] == [
        "Contracts", "Suppliers", "Quality", "Product", "Projects", "Finance", "Office", "Security",
    ]  # fmt: skip
    projects = (await caller.box("/folders/1005")).json()
    assert [entry["name"] for entry in projects["item_collection"]["entries"]] == ["Polder Fresh Markets rollout"]
    page = (await caller.box("/folders/1001/items", limit="3", offset="1", fields="name")).json()
    assert (page["total_count"], len(page["entries"])) == (17, 3)
    assert (await caller.box("/folders/0")).json()["name"] == "All Files"


async def test_pages_that_cannot_be(caller):
    assert (await caller.box("/folders/1001/items", limit="1001")).status_code == 400
    assert (await caller.box("/folders/1001/items", offset="x")).status_code == 400
    assert (await caller.box("/folders/x")).status_code == 405


async def test_comments(caller):
    (comment,) = (await caller.box(f"/files/{CAPA}/comments")).json()["entries"]
    assert comment["message"].startswith("Pieter Claes has accepted the report.")
    assert comment["created_by"]["name"] == "Ann Meyer"


async def test_another_process_knows_the_same_files(caller, world):
    before = (await caller.box(f"/files/{NOTES}")).json()
    async with calling(create_app(world), None) as other:
        assert (await other.box(f"/files/{NOTES}")).json() == before
