"""What test_fault_matrix.py shows of scripted sources, with the product's own handlers: Outlook, Box and Snowflake at
their stand-ins, and customers in PostgreSQL. Two of them have any two troubles there are, in both eras: each is
reported as what it is, every hit of the others is there, and the answer comes in time.

The stand-ins share a port, so that a refused connection is one that is reset before a byte is answered. For PostgreSQL
it is a closed port, 401 a wrong password, 429 that it takes no more connections, which is told as unavailable, and 500
a query that makes it fail; slow, hung and drip are on the way to it, also for connections that were open before.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import combinations, combinations_with_replacement, product
from pathlib import Path

import pytest

from tests.gateway.company import NAMES, Case, Company, CustomerDatabase, company
from tests.gateway.vendor import KINDS
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
_WORKERS = 3

MEETINGS = (
    ("ok", "401", "refused", "hung"),
    ("401", "slow", "slow", "401"),
    ("slow", "drip", "ok", "500"),
    ("drip", "refused", "401", "429"),
    ("hung", "429", "500", "slow"),
    ("refused", "slow", "500", "refused"),
    ("429", "ok", "429", "ok"),
    ("hung", "hung", "drip", "drip"),
    ("500", "500", "hung", "401"),
)
"""In each row what the four sources meet at once: every two kinds meet somewhere, and every source meets every kind."""


def all_pairs() -> list[Case]:
    """Every two kinds at every two sources, while nothing is wrong with the other two."""
    return [
        {**dict.fromkeys(NAMES, "ok"), first: one, second: other}
        for first, second in combinations(NAMES, 2)
        for one, other in product(KINDS, repeat=2)
    ]


@pytest.fixture
def customers(postgres: PostgresServer) -> CustomerDatabase:
    return CustomerDatabase.written(postgres)


async def run_all(cases: Sequence[Case], customers: CustomerDatabase, template: Path, folder: Path) -> None:
    """A few at a time, each at a company of its own: a stand-in is in one trouble at a time."""

    async def work(opened: Company, number: int) -> None:
        for case in cases[number::_WORKERS]:
            await opened.run(case)

    async with AsyncExitStack() as stack:
        companies: list[Company] = []
        for number in range(_WORKERS):  # one after the other: Alembic runs once at a time in a process
            home = folder / str(number)
            home.mkdir()
            shutil.copyfile(template, home / "gatehouse.db")
            database_url = f"sqlite+aiosqlite:///{home / 'gatehouse.db'}"
            companies.append(await stack.enter_async_context(company(database_url, home, customers)))
        await asyncio.gather(*(work(opened, number) for number, opened in enumerate(companies)))


def test_every_two_troubles_meet_and_every_source_has_each():
    met = {tuple(sorted(pair)) for row in MEETINGS for pair in combinations(row, 2)}
    assert met == {tuple(sorted(pair)) for pair in combinations_with_replacement(KINDS, 2)}
    assert all({row[place] for row in MEETINGS} == set(KINDS) for place in range(len(NAMES)))


async def test_any_two_troubles_of_real_sources_are_told_as_they_are(customers, sqlite_template, tmp_path):
    cases = [dict(zip(NAMES, row, strict=True)) for row in MEETINGS]
    await run_all(cases, customers, sqlite_template, tmp_path)


@pytest.mark.slow
async def test_any_two_troubles_at_any_two_real_sources(customers, sqlite_template, tmp_path):
    await run_all(all_pairs(), customers, sqlite_template, tmp_path)
