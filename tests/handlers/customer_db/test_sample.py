"""The built-in sample: what it finds, and that every source has its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from errors import NotFound
from handlers.base import DatabaseRules, Lent, SearchQuery
from handlers.customer_db import HANDLER
from handlers.customer_db.sample import FILE_NAME, SampleStore
from handlers.customer_db.sample_source import PAGE_ROWS, SampleSource
from tests.handlers.contract import NOW, HandlerContract

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def lent(folder: Path) -> Lent:
    folder.mkdir(exist_ok=True)
    return Lent(clock=lambda: NOW, folder=folder, databases=DatabaseRules())


@pytest.fixture
def source(tmp_path) -> SampleSource:
    return SampleSource(lent(tmp_path / "one"))


async def names(source: SampleSource, text: str) -> list[str]:
    return [hit.title for hit in await source.search(SearchQuery(text=text, limit=100))]


class TestSample(HandlerContract):
    handler = HANDLER
    finds = "customers"
    other_settings = ({"url": "sample"},)

    @pytest.fixture
    def settings(self):
        return {"url": "sample", "allow_writes": True}


async def test_it_begins_with_ten_customers_of_both_kinds(source):
    customers, total = await source.list(None, 200)
    assert total == len(customers) == 10
    assert {customer.status for customer in customers} == {"active", "disabled"}
    assert all(customer.email.endswith("@example.com") for customer in customers)


async def test_active_customers_are_exactly_those(source):
    active, _ = await source.list("active", 200)
    assert sorted(await names(source, "active customers")) == sorted(customer.name for customer in active)


async def test_words_that_no_row_has_do_not_hide_the_others(source):
    disabled, _ = await source.list("disabled", 200)
    assert sorted(await names(source, "which accounts are disabled?")) == sorted(row.name for row in disabled)


@pytest.mark.parametrize(
    "text",
    [
        "Amelia",
        "amelia hart",
        "HART",
        "amelia.hart@example.com",
        "555 0142",
        "5550142",
        "555-0142",
        "+1 202 555 0142",
        "0142",
        "phone 0142",
        "amel",
        "who is Amelia Hart?",
    ],
)
async def test_a_customer_is_found_by_name_address_or_part_of_a_number(source, text):
    assert (await names(source, text))[:1] == ["Amelia Hart"]


async def test_rows_with_all_words_hide_rows_with_some(source):
    assert await names(source, "Hart disabled") != []
    assert await names(source, "Amelia active") == ["Amelia Hart"]


async def test_the_text_is_every_column_by_name(source):
    document = await source.fetch("1")
    assert document.text.splitlines()[:3] == ["id: 1", "name: Amelia Hart", "email: amelia.hart@example.com"]
    assert [line.split(":")[0] for line in document.text.splitlines()] == [
        *("id", "name", "email", "phone", "status", "created_at", "updated_at")
    ]


async def test_a_changed_customer_is_found_by_the_new_words_only(source):
    await source.update(2, {"name": "Zacharias Quell"})
    await source.update(2, {"email": "quell@example.com"})
    assert await names(source, "Quell") == ["Zacharias Quell"]
    assert await names(source, "Keller") == []


async def test_two_sources_never_see_each_others_writes(tmp_path):
    mine, theirs = SampleSource(lent(tmp_path / "mine")), SampleSource(lent(tmp_path / "theirs"))
    added = await mine.add(name="Only Mine", email="mine@example.com", phone=None, status="active")
    assert await names(mine, "Only Mine") == ["Only Mine"]
    assert "Only Mine" not in await names(theirs, "Only Mine")
    with pytest.raises(NotFound):
        await theirs.fetch(str(added.id))


async def test_a_second_start_keeps_what_was_written(tmp_path):
    await SampleSource(lent(tmp_path / "one")).add(name="New", email="new@example.com", phone=None, status="active")
    assert await names(SampleSource(lent(tmp_path / "one")), "New") == ["New"]


async def test_writes_at_the_same_time_are_all_kept(source):
    await asyncio.gather(
        *(source.add(name=f"N{n}", email=f"n{n}@example.com", phone=None, status="active") for n in range(40))
    )
    _, total = await source.list(None, 1)
    assert total == 50


def count_in_a_process_of_its_own(folder: Path, results: multiprocessing.Queue[int]) -> None:
    results.put(SampleStore(folder).count(None))


@pytest.mark.slow
def test_two_processes_that_start_at_once_create_it_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[int] = context.Queue()
    both = [context.Process(target=count_in_a_process_of_its_own, args=(tmp_path, results)) for _ in range(3)]
    for process in both:
        process.start()
    assert [results.get(timeout=30) for _ in both] == [10, 10, 10]
    for process in both:
        process.join()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def test_pages_of_the_resource_hold_every_customer_once(source):
    for n in range(PAGE_ROWS * 2):
        await source.add(name=f"N{n}", email=f"n{n}@example.com", phone=None, status="active")
    first = await source.read("customers", None)
    second = await source.read("customers", first.next)
    third = await source.read("customers", second.next)
    assert third.next is None
    pages = [first, second, third]
    assert [page.text.count('"email"') for page in pages] == [PAGE_ROWS, PAGE_ROWS, 10]


async def test_changing_nothing_leaves_the_moment_alone(source):
    before = await source.get(1)
    assert await source.update(1, {"name": before.name}) == before


async def test_no_typed_word_reaches_sqlite_as_syntax(tmp_path):
    store = SampleStore(tmp_path)
    for text in ('name:"x"', "a AND", "OR", "(", "col : x", "^amelia", "a + b", "amel*", '"', "x" * 1_000):
        store.search(text, 5)
    assert store.count(None) == 10
