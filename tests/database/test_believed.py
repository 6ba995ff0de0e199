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
        self.is_away = False
        self.reads: Counter[str] = Counter()
        self.open = asyncio.Event()
        self.open.set()

    async def read(self, name: str) -> str:
        self.reads[name] += 1
        if self.is_away:
            raise OSError("away")
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
    await asyncio.sleep(0.01)
    book.text = "second"
    believed.forget()
    book.open.set()
    assert await reading == "first"  # it was asked before the change
    assert await believed.get("a") == "second"


async def test_it_is_read_anew_before_it_is_too_old_and_nobody_waits(
    book: Book, seconds: Seconds, believed: Believed[str, str]
):
    await believed.get("a")
    seconds.passed += 0.8
    book.text = "second"
    book.open.clear()
    assert [await believed.get("a") for _ in range(3)] == ["first"] * 3
    await asyncio.sleep(0)
    assert book.reads["a"] == 2
    book.open.set()
    await asyncio.sleep(0.01)
    assert await believed.get("a") == "second"
    assert book.reads["a"] == 2


async def test_those_who_must_wait_wait_for_one_reading(book: Book, believed: Believed[str, str]):
    book.open.clear()
    waiting = [asyncio.create_task(believed.get("a")) for _ in range(5)]
    await asyncio.sleep(0)
    waiting.pop(0).cancel()  # takes nothing from the others
    book.open.set()
    assert await asyncio.gather(*waiting) == ["first"] * 4
    assert book.reads["a"] == 1


async def test_if_reading_anew_never_ends_nothing_old_is_told(
    book: Book, seconds: Seconds, believed: Believed[str, str]
):
    await believed.get("a")
    seconds.passed += 0.8
    book.open.clear()
    assert await believed.get("a") == "first"
    await asyncio.sleep(0)
    book.text = "second"
    seconds.passed += 1.1  # what is being read is older than a second by now
    late = asyncio.create_task(believed.get("a"))
    await asyncio.sleep(0.01)
    assert book.reads["a"] == 3
    book.open.set()
    assert await late == "second"
    assert await believed.get("a") == "second"


async def test_an_error_is_told_to_all_who_wait_and_to_nobody_later(book: Book, believed: Believed[str, str]):
    book.is_away = True
    told = await asyncio.gather(believed.get("a"), believed.get("a"), return_exceptions=True)
    assert [type(error) for error in told] == [OSError, OSError]
    book.is_away = False
    assert await believed.get("a") == "first"


async def test_what_could_not_be_read_anew_is_asked_for_again(
    book: Book, seconds: Seconds, believed: Believed[str, str]
):
    await believed.get("a")
    seconds.passed += 0.8
    book.is_away = True
    assert await believed.get("a") == "first"
    await asyncio.sleep(0.01)
    book.is_away, book.text = False, "second"
    seconds.passed += 0.3
    assert await believed.get("a") == "second"
