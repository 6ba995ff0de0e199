"""How pages of a search become hits, against a scripted stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from handlers.base import SearchQuery
from handlers.box.reading import Reader
from handlers.box.source import BoxSource
from tests.handlers.box.conftest import Extraction
from tests.services.box.stand_in import StandIn, box_at, file_json, in_turn, listening, page, says

pytestmark = pytest.mark.anyio


@pytest.fixture
async def vendor() -> AsyncIterator[StandIn]:
    async with listening() as stand_in:
        yield stand_in


@asynccontextmanager
async def searching(vendor: StandIn, *, folder: str | None = None) -> AsyncIterator[BoxSource]:
    async with box_at(vendor.origin) as box:
        yield BoxSource(box, Reader(box, Extraction()), folder=folder)


async def ids(source: BoxSource, limit: int) -> list[str]:
    return [hit.id for hit in await source.search(SearchQuery(text="report", limit=limit))]


async def test_a_full_page_is_enough(vendor: StandIn):
    vendor.script["/2.0/search"] = says(200, page(file_json("1"), file_json("2"), total=900))
    async with searching(vendor) as source:
        assert await ids(source, 2) == ["1", "2"]
    assert vendor.count("/2.0/search") == 1


async def test_a_page_with_gaps_is_followed_by_the_next(vendor: StandIn):
    pages = (page(file_json("1"), total=4), page(file_json("1"), file_json("3"), total=4))
    vendor.script["/2.0/search"] = in_turn(*(says(200, each) for each in pages))
    async with searching(vendor) as source:
        assert await ids(source, 2) == ["1", "3"]
    assert [asked.query["offset"] for asked in vendor.asked if asked.path == "/2.0/search"] == ["0", "2"]


async def test_gaps_are_not_chased_for_ever(vendor: StandIn):
    vendor.script["/2.0/search"] = says(200, page(total=10_000))
    async with searching(vendor) as source:
        assert await ids(source, 5) == []
    assert vendor.count("/2.0/search") == 2


async def test_the_last_page_is_not_followed(vendor: StandIn):
    vendor.script["/2.0/search"] = says(200, page(file_json("1"), total=1))
    async with searching(vendor) as source:
        assert await ids(source, 20) == ["1"]
    assert vendor.count("/2.0/search") == 1


async def test_more_than_was_asked_for_is_cut(vendor: StandIn):
    vendor.script["/2.0/search"] = says(200, page(*(file_json(str(number)) for number in range(1, 9))))
    async with searching(vendor) as source:
        assert await ids(source, 3) == ["1", "2", "3"]


async def test_what_is_no_file_is_no_hit(vendor: StandIn):
    link = {"type": "web_link", "id": "2", "name": "a bookmark"}
    vendor.script["/2.0/search"] = says(200, page(link, file_json("1")))
    async with searching(vendor) as source:
        assert await ids(source, 20) == ["1"]


async def test_a_hit_outside_the_folder_is_none_whatever_box_says(vendor: StandIn):
    nowhere = file_json("2", path_collection=None)
    vendor.script["/2.0/search"] = says(200, page(file_json("1"), nowhere))
    async with searching(vendor, folder="500") as source:
        assert await ids(source, 20) == ["1"]
    async with searching(vendor, folder="777") as source:
        assert await ids(source, 20) == []


async def test_a_file_without_a_name_has_a_title(vendor: StandIn):
    vendor.script["/2.0/search"] = says(
        200, page(file_json("1", name=" ", description=None, extension=None, size=None))
    )
    async with searching(vendor) as source:
        (hit,) = await source.search(SearchQuery(text="report", limit=5))
    assert hit.title == "File 1"
    assert dict(hit.facts) == {"path": "Contracts", "owner": "Ann Meyer"}
