"""What is believed for a moment is read seldom, and never after it was changed here."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import pytest

from database.believed import Believed

pytestmark = pytest.mark.anyio


class Book:
    """Something to read, as slowly as a test wants."""

    def __init__(self) -> None:
        self.text = "first"
        self.reads: Counter[str] = Counter()
        self.open = asyncio.Event()
        self.open.set()

    async def read(self, name: str) -> str:
        self.reads[name] += 1
        text = self.text
        await self.open.wait()
        return text


@pytest.fixture
def book() -> Book:
    return Book()


@dataclass
class Seconds:
    """Stand still until a test moves them."""

    passed: float = 0.0

    def __call__(self) -> float:
        return self.passed


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def believed(book: Book, seconds: Seconds) -> Believed[str, str]:
    return Believed(book.read, seconds)


async def test_within_a_moment_it_is_read_once(book: Book, believed: Believed[str, str]):
    assert [await believed.get("a") for _ in range(3)] == ["first"] * 3
    assert await believed.get("b") == "first"
    assert book.reads == {"a": 1, "b": 1}


async def test_a_change_elsewhere_is_seen_within_a_second(book: Book, seconds: Seconds, believed: Believed[str, str]):
    await believed.get("a")
    book.text = "second"
    assert await believed.get("a") == "first"
    seconds.passed += 1
    assert await believed.get("a") == "second"


async def test_a_change_here_is_seen_at_once(book: Book, believed: Believed[str, str]):
    await believed.get("a")
    book.text = "second"
    believed.forget()
    assert await believed.get("a") == "second"


async def test_what_is_being_read_while_it_is_changed_is_not_believed(book: Book, believed: Believed[str, str]):
    book.open.clear()
    reading = asyncio.create_task(believed.get("a"))
    await asyncio.sleep(0)
    book.text = "second"
    believed.forget()
    book.open.set()
    assert await reading == "first"  # it was asked before the change
    assert await believed.get("a") == "second"


async def test_one_reads_anew_and_the_others_do_not_wait(book: Book, seconds: Seconds, believed: Believed[str, str]):
    await believed.get("a")
    seconds.passed += 0.8
    book.text = "second"
    book.open.clear()
    renewing = asyncio.create_task(believed.get("a"))
    await asyncio.sleep(0)
    assert [await believed.get("a") for _ in range(3)] == ["first"] * 3
    assert book.reads["a"] == 2
    book.open.set()
    assert await renewing == "second"
    assert await believed.get("a") == "second"


async def test_if_reading_anew_never_ends_nothing_old_is_told(
    book: Book, seconds: Seconds, believed: Believed[str, str]
):
    await believed.get("a")
    seconds.passed += 0.8
    book.text = "second"
    book.open.clear()
    stuck = asyncio.create_task(believed.get("a"))
    await asyncio.sleep(0)
    seconds.passed += 0.3
    late = asyncio.create_task(believed.get("a"))
    await asyncio.sleep(0)
    assert book.reads["a"] == 3
    stuck.cancel()
    book.open.set()
    assert await late == "second"
