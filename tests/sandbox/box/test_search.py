"""Search: any word, ranked, without text; what narrows it; its quotas."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.app import create_app
from tests.sandbox.callers import calling

pytestmark = pytest.mark.anyio


async def test_any_word_finds_and_the_best_come_first(caller):
    names = await caller.search_files("sub-processors Frankfurt Dublin unicorns")
    assert names[0] == "Kestrel Air Cargo - Data processing agreement.pdf"
    assert len(names) > 1


async def test_there_is_neither_text_nor_score(caller):
    answer = await caller.box("/search", query="cryo probe", fields="name,description")
    assert set(answer.json()["entries"][0]) == {"type", "id", "etag", "name", "description"}


async def test_without_fields_an_entry_has_its_standard_form(caller):
    entry = (await caller.box("/search", query="cryo probe", type="file")).json()["entries"][0]
    assert entry["path_collection"]["entries"][-1]["name"] == "Product"
    assert "representations" not in entry
    assert "tags" not in entry


async def test_english_endings_do_not_matter(caller):
    assert await caller.search_files("calibrating loggers") == await caller.search_files("calibrates logger")


async def test_the_beginning_of_a_word_is_found_in_names_only(caller):
    assert await caller.search_files("Thermosc") == ["Thermoscale - Calibration services agreement.docx"]
    assert await caller.search_files("quarantin") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"audit trail of Larkfield"', ["Annex 11 - Description of the audit trail.pdf"]),
        ("corrosion AND pilot", ["Brightwater Seafood - Pilot agreement.docx"]),
        ("cryo NOT nitrogen", None),
        ("NOT nitrogen", []),
        ("corrosion and", None),
    ],
)
async def test_phrases_and_operators(caller, query, expected):
    names = await caller.search_files(query, type="file")
    if expected is None:
        assert names
    else:
        assert names == expected


async def test_what_is_excluded_is_not_there(caller):
    everything, without = await caller.search_files("cryo"), await caller.search_files("cryo NOT nitrogen")
    assert set(everything) - set(without) == {"Cryo probe C80 - Datasheet.pdf"}


async def test_only_the_first_ten_thousand_bytes_are_indexed(world, oracle):
    long = replace(world.files[0], text="early " + "filler " * 1_500 + "late")
    async with calling(create_app(replace(world, files=(long,))), oracle) as caller:
        assert len(await caller.search_files("early AND filler")) == 1
        assert await caller.search_files("late AND filler") == []


async def test_a_picture_has_no_text_but_a_name(caller):
    assert await caller.search_files('"sheet of paper"') == []
    assert "Hollins and Webb Catering - Signed order (scan).png" in await caller.search_files("hollins")


async def test_content_types_narrow_where_words_are_looked_for(caller):
    assert await caller.search_files("effectiveness", content_types="comments") == [
        "CAPA-2026-07 Excursion at Medivar Antwerp.docx"
    ]
    assert await caller.search_files("effectiveness", content_types="name") == []
    wrong = await caller.box("/search", query="x", content_types="colour")
    assert (wrong.status_code, wrong.json()["context_info"]["errors"][0]["name"]) == (400, "content_types")


async def test_a_folder_narrows_to_all_below_it(caller):
    below = await caller.search_files("stores", ancestor_folder_ids="1005", type="file")
    assert set(below) == {"Rollout plan.xlsx", "Kick-off presentation.pptx", "Site survey notes.txt"}
    assert await caller.search_files("stores", ancestor_folder_ids="0") == await caller.search_files("stores")


@pytest.mark.parametrize("folder", ["999999", "1010", "contracts"])
async def test_a_folder_that_is_not_there_is_told(caller, folder):
    answer = await caller.box("/search", query="stores", ancestor_folder_ids=folder)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_type_extension_and_date_narrow(caller):
    assert await caller.search_files("rollout", type="folder") == ["Polder Fresh Markets rollout"]
    assert await caller.search_files("rollout", file_extensions="xlsx,pptx") == ["Rollout plan.xlsx"]
    recent = await caller.search_files("stores", updated_at_range="2026-11-01T00:00:00Z,", type="file")
    assert set(recent) <= {"Rollout plan.xlsx", "Site survey notes.txt", "Roadmap 2027.pptx"}
    assert "Rollout plan.xlsx" in recent


async def test_sorted_by_date_the_newest_come_first(caller):
    answer = await caller.box("/search", query="logger", sort="modified_at", fields="modified_at", type="file")
    moments = [entry["modified_at"] for entry in answer.json()["entries"]]
    assert moments == sorted(moments, reverse=True)


async def test_pages(caller):
    whole = await caller.search_files("logger", limit="200")
    first = await caller.box("/search", query="logger", limit="5", fields="name")
    second = await caller.box("/search", query="logger", limit="5", offset="5", fields="name")
    names = [entry["name"] for page in (first, second) for entry in page.json()["entries"]]
    assert names == whole[:10]
    assert first.json()["total_count"] == len(whole)
    assert (second.json()["limit"], second.json()["offset"]) == (5, 5)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "missing_parameter"),
        ({"query": " "}, "missing_parameter"),
        ({"query": "x", "limit": "201"}, "invalid_parameter"),
        ({"query": "x", "offset": "10001"}, "invalid_parameter"),
        ({"query": "x", "limit": "many"}, "invalid_parameter"),
        ({"query": "logger", "updated_at_range": "yesterday,"}, "invalid_parameter"),
    ],
)
async def test_what_cannot_be_asked(caller, params, reason):
    answer = await caller.box("/search", **params)
    assert (answer.status_code, answer.json()["context_info"]["errors"][0]["reason"]) == (400, reason)


async def test_the_whole_enterprise_is_closed(caller):
    assert (await caller.box("/search", query="x", scope="enterprise_content")).status_code == 403


async def test_sixty_searches_a_minute_and_six_a_second(caller, clock):
    for number in range(60):
        assert (await caller.box("/search", query="x", limit="1")).status_code == 200
        if number % 6 == 5:
            burst = await caller.box("/search", query="x")
            assert (burst.status_code, burst.json()["code"]) == (429, "rate_limit_exceeded")
            assert burst.headers["retry-after"] == "1"
            clock.pass_(1)
    refused = await caller.box("/search", query="x")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "50")
    assert (await caller.box("/users/me")).status_code == 200
    clock.pass_(50)
    assert (await caller.box("/search", query="x")).status_code == 200


async def test_a_thousand_calls_a_minute_for_each_user(caller, clock):
    for _ in range(1_000):
        await caller.box("/folders/x")
    refused = await caller.box("/users/me")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    user = await caller.as_box_user()
    assert (await user.box("/users/me")).status_code == 200
    clock.pass_(60)
    assert (await caller.box("/users/me")).status_code == 200


async def test_quotas_can_be_left_out(world, clock, oracle):
    async with calling(create_app(world, clock=clock, quotas=False), oracle) as caller:
        answers = [await caller.box("/search", query="x", limit="1") for _ in range(70)]
    assert {answer.status_code for answer in answers} == {200}
