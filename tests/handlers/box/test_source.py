"""What a source finds, shows and keeps to itself, against the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from errors import NotFound, SourceRateLimited, SourceUnauthorized
from handlers.base import SearchQuery
from handlers.box.source import BoxSource
from sandbox.app import Sandbox, create_app
from sandbox.behaviour import Behaviour
from sandbox.faults import Fault
from sandbox.server import serve
from tests.handlers.box.conftest import Connect, connected_to, lent_by
from tests.handlers.box.world import ANN, CONTRACTS, LONG_QUESTION, NOTICE, PLANS, PRIVATE, SERVICE_ACCOUNT, WORLD

pytestmark = pytest.mark.anyio


async def ids(source: BoxSource, text: str, limit: int = 20) -> list[str]:
    return [hit.id for hit in await source.search(SearchQuery(text=text, limit=limit))]


async def test_a_check_tells_whom_to_invite(connect: Connect):
    async with connect() as source:
        assert await source.check() == "Gatehouse search (AutomationUser_1_x@boxdevedition.example.com)"


async def test_a_check_fails_where_the_folder_cannot_be_seen(connect: Connect):
    async with connect(folder=PRIVATE) as source:
        with pytest.raises(SourceUnauthorized, match="invite the app's service account"):
            await source.check()
        with pytest.raises(SourceUnauthorized, match="invite the app's service account"):
            await source.search(SearchQuery(text="quarterly", limit=5))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("harbour", "9002"),
        ("ninety days", "9001"),
        ("summer", "9003"),
        ("zeppelin", "9003"),
        ("roadmap", "9003"),
    ],
    ids=["a name", "a content", "a description", "a comment", "a tag"],
)
async def test_everything_that_box_indexes_is_searched(connect: Connect, text: str, found: str):
    async with connect() as source:
        assert await ids(source, text) == [found]


async def test_a_long_question_finds_its_document(connect: Connect):
    assert len(LONG_QUESTION.split()) >= 20
    async with connect() as source:
        assert (await ids(source, LONG_QUESTION))[0] == "9001"


async def test_what_was_typed_is_not_syntax(connect: Connect):
    async with connect() as source:
        assert await ids(source, "quarterly NOT plan") == await ids(source, "quarterly not plan")
        assert "9003" in await ids(source, "quarterly AND nothingelse")
        assert "9003" in await ids(source, '"plan quarterly"')


async def test_nothing_to_search_for_asks_nobody(connect: Connect, sandbox: Sandbox):
    async with connect() as source:
        assert await ids(source, ' " \0 ') == []
    assert sandbox.traffic.count("box") == 0


async def test_a_hit_tells_what_is_known_and_no_text(connect: Connect):
    async with connect() as source:
        (hit,) = await source.search(SearchQuery(text="Northwind", limit=5))
    assert (hit.id, hit.title, hit.text) == ("9001", "Northwind agreement.docx", None)
    assert hit.url == "https://larkfield.app.box.com/s/northwind"
    assert hit.updated_at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert hit.facts["path"] == "Contracts/2026"
    assert hit.facts["owner"] == "Ann Meyer"
    assert hit.facts["extension"] == "docx"
    assert hit.facts["size"].endswith(" bytes")


async def test_a_hit_without_a_shared_link_leads_to_its_page(connect: Connect):
    async with connect() as source:
        (hit,) = await source.search(SearchQuery(text="harbour", limit=5))
    assert hit.url == "https://app.box.com/file/9002"


async def test_a_document_tells_where_it_is_from(connect: Connect):
    async with connect() as source:
        document = await source.fetch("9001")
    assert NOTICE in document.text
    assert document.url == "https://larkfield.app.box.com/s/northwind"
    assert {**document.metadata, "size": ""} == {
        "path": "Contracts/2026",
        "owner": "Ann Meyer",
        "extension": "docx",
        "size": "",
        "modified_at": "2026-03-02T09:30:00Z",
        "version": "1",
    }


async def test_a_folder_keeps_searching_to_what_lies_below_it(connect: Connect):
    async with connect(folder=CONTRACTS) as source:
        assert set(await ids(source, "agreement lease quarterly plan")) == {"9001", "9002"}


async def test_a_folder_keeps_reading_to_what_lies_below_it(connect: Connect):
    async with connect() as everywhere, connect(folder=CONTRACTS) as contracts:
        assert (await everywhere.fetch("9003")).title == "Quarterly plan.md"
        with pytest.raises(NotFound) as outside:
            await contracts.fetch("9003")
        with pytest.raises(NotFound) as nowhere:
            await contracts.fetch("12345678")
        assert outside.value.message == nowhere.value.message
        assert (await contracts.fetch("9001")).id == "9001"


async def test_what_the_account_may_not_see_is_not_there(connect: Connect):
    async with connect() as account, connect(subject_type="user", subject_id=ANN) as ann:
        assert "9008" not in await ids(account, "quarterly")
        assert "9008" in await ids(ann, "quarterly")
        for private in ("9007", "9008"):
            with pytest.raises(NotFound):
                await account.fetch(private)
        assert (await ann.fetch("9008")).title == "Ann's notes.txt"


async def test_a_folders_id_is_no_documents(connect: Connect):
    async with connect() as source:
        with pytest.raises(NotFound):
            await source.fetch(PLANS)


async def test_a_text_that_box_makes_at_once_is_told(connect: Connect):
    async with connect() as source:
        texts = await source.texts(["9003", "9005", "12345678", "no id"])
    assert set(texts) == {"9003"}
    assert "sell the old crane" in texts["9003"]


async def test_a_text_that_takes_box_long_is_left_out(tmp_path: Path):
    slow = create_app(WORLD, behaviour=Behaviour(representation_polls=50))
    with serve(slow) as origin:
        source = connected_to(lent_by(f"{origin}/box", tmp_path), SERVICE_ACCOUNT)
        try:
            assert await source.texts(["9003"]) == {}
        finally:
            await source.aclose()
    assert slow.traffic.count("box", "representation") <= 3


async def test_a_peek_that_box_refuses_says_so_where_nothing_was_read(connect: Connect, sandbox: Sandbox):
    async with connect() as source:
        await source.texts(["9003"])
        sandbox.faults.add(Fault(source="box", kind="429", route="file"))
        with pytest.raises(SourceRateLimited):
            await source.texts(["9003", "9001"])


async def test_peeks_are_few_and_cheap(connect: Connect, sandbox: Sandbox):
    async with connect() as source:
        await source.texts([f"{number}" for number in range(1, 200)])
    assert sandbox.traffic.count("box", "file") == 10


async def test_a_peek_stays_in_the_folder(connect: Connect):
    async with connect() as everywhere, connect(folder=CONTRACTS) as contracts:
        await everywhere.fetch("9003")
        assert await everywhere.texts(["9003"])
        assert await contracts.texts(["9003"]) == {}
