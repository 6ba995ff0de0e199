"""Snowflake sources against the sandbox, on real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from errors import SourceError, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable
from handlers.base import DatabaseRules, Endpoints, Lent, SearchQuery
from handlers.snowflake import HANDLER
from handlers.snowflake.analyst import AnalystAnswer
from sandbox.app import Sandbox, create_app
from sandbox.behaviour import Behaviour
from sandbox.credentials import DEMO
from sandbox.faults import Fault
from sandbox.server import serve
from sandbox.world import Column, SearchService, SemanticModel, Table, VerifiedQuery, World
from services.snowflake import refusals
from tests.handlers.contract import NOW, HandlerContract

pytestmark = pytest.mark.anyio

BUDGET_S = 3.0
SHORT_BUDGET_S = 0.4
"""For what would never answer; the other kinds are met a second time after at most 0.8 s."""
SLACK_S = 0.25
PAGES = (
    ("refunds", "Refund policy", "A refund is paid within 14 days of the return.", "https://docs.example.com/r", 1),
    ("refunds", "Refund policy", "Above 500 EUR a manager has to agree.", "https://docs.example.com/r", 2),
    ("travel", "Travel policy", "Trains before planes. Keep every receipt for the accountants.", None, 1),
    ("receipts", "Receipts", "A receipt without a date cannot be booked as a refund.", None, 1),
    ("parking", "Parking", "The garage closes at ten.", None, 1),
)
WORLD = World(
    name="Handbook",
    mailboxes=(),
    box_users=(),
    tables=(
        Table(
            database="DOCS",
            schema="PUBLIC",
            name="PAGES",
            columns=(
                *(Column(name=name, type="TEXT") for name in ("ID", "TITLE", "BODY", "URL")),
                Column(name="PART", type="NUMBER"),
            ),
            rows=PAGES,
        ),
    ),
    search_services=(
        SearchService(
            database="DOCS",
            schema="PUBLIC",
            name="HANDBOOK",
            table="PAGES",
            search_column="BODY",
            columns=("ID", "TITLE", "BODY", "URL", "PART"),
            attribute_columns=("ID", "PART"),
        ),
    ),
    semantic_models=(
        SemanticModel(
            file="@DOCS.PUBLIC.MODELS/pages.yaml",
            verified_queries=(
                VerifiedQuery(
                    name="parts",
                    question="How many parts does every page have?",
                    statement="SELECT id, COUNT(*) AS parts FROM docs.public.pages GROUP BY id ORDER BY id;",
                    interpretation="The number of parts per page.",
                ),
            ),
        ),
    ),
)
ACCOUNT = {
    "account_url": "https://larkfield-main.snowflakecomputing.com",
    "pat": DEMO.snowflake.pat,
    "role": DEMO.snowflake.role,
    "warehouse": DEMO.snowflake.warehouse,
    "database": "docs",
    "schema": "public",
    "id_column": "id",
    "title_column": "title",
    "url_column": "url",
    "order_column": "part",
    "semantic_model_file": "@docs.public.models/pages.yaml",
}
SERVICE = {**ACCOUNT, "search_service": "handbook"}
TABLE = {**ACCOUNT, "table": "pages", "text_columns": ["body"]}
LONG_QUESTION = (
    "I sent my chair back to you last week because one of its legs was broken, and now I would like to know after how "
    "many days the refund for such a return is going to be paid to me"
)


def lent_by(base_url: str, folder: Path) -> Lent:
    endpoints = Endpoints(snowflake=f"{base_url}/snowflake")
    return Lent(clock=lambda: NOW, folder=folder, databases=DatabaseRules(), endpoints=endpoints)


@contextmanager
def running(behaviour: Behaviour | None = None) -> Iterator[tuple[Sandbox, str]]:
    sandbox = create_app(WORLD, behaviour=behaviour)
    with serve(sandbox) as base_url:
        yield sandbox, base_url


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Sandbox, str]]:
    with running() as served:
        yield served


@pytest.fixture
def sandbox(shared) -> Iterator[Sandbox]:
    sandbox, _ = shared
    yield sandbox
    sandbox.faults.clear()
    sandbox.secrets.restore("snowflake")


@pytest.fixture
async def connect(shared, tmp_path):
    _, base_url = shared
    opened = []

    def connect_with(settings, url=base_url):
        opened.append(HANDLER.connect(HANDLER.config.model_validate(settings), lent_by(url, tmp_path)))
        return opened[-1]

    yield connect_with
    for source in opened:
        await source.aclose()


async def find(source, text="refund receipt", limit=10):
    return await source.search(SearchQuery(text=text, limit=limit))


class OnTheSandbox(HandlerContract):
    handler = HANDLER
    finds = "refund receipt"

    @pytest.fixture
    def lent(self, shared, tmp_path):
        folder = tmp_path / "source"
        folder.mkdir()
        return lent_by(shared[1], folder)


class TestSearchServiceContract(OnTheSandbox):
    @pytest.fixture
    def settings(self):
        return SERVICE


class TestTableContract(OnTheSandbox):
    @pytest.fixture
    def settings(self):
        return TABLE


@pytest.mark.parametrize("settings", [SERVICE, TABLE], ids=["service", "table"])
async def test_a_long_question_finds_its_document(connect, settings):
    assert (await find(connect(settings), LONG_QUESTION))[0].id == "refunds"


@pytest.mark.parametrize("settings", [SERVICE, TABLE], ids=["service", "table"])
async def test_a_document_is_put_together_from_its_parts(connect, settings):
    document = await connect(settings).fetch("refunds")
    assert document.text == f"{PAGES[0][2]}\n\n{PAGES[1][2]}"
    assert document.url == "https://docs.example.com/r"


@pytest.mark.parametrize("settings", [SERVICE, TABLE], ids=["service", "table"])
async def test_every_id_fetches_after_a_restart_of_both_sides(connect, settings):
    hits = await find(connect(settings))
    assert len(hits) >= 2
    with running() as (_, base_url):
        again = connect(settings, base_url)
        assert [(await again.fetch(hit.id)).title for hit in hits] == [hit.title for hit in hits]


@pytest.mark.parametrize("settings", [SERVICE, TABLE], ids=["service", "table"])
async def test_a_check_proves_the_connection(connect, settings):
    name = await connect(settings).check()
    assert name.startswith("larkfield-main as SEARCH_READER: ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pat": "wrong"}, refusals.NOT_LET_IN),
        ({"pat": DEMO.snowflake.pat_without_policy}, refusals.NO_NETWORK_POLICY),
        ({"role": "another"}, refusals.ROLE),
        ({"warehouse": "another"}, refusals.WAREHOUSE),
        ({"database": "another"}, refusals.CONTEXT),
        ({"schema": "another"}, refusals.OBJECT),
        ({"table": "another"}, refusals.OBJECT),
    ],
)
async def test_a_check_says_what_to_mend(connect, changes, message):
    with pytest.raises(SourceUnauthorized) as raised:
        await connect({**TABLE, **changes}).check()
    assert raised.value.message == message


async def test_a_revoked_token_asks_to_reconnect(connect, sandbox):
    source = connect(SERVICE)
    await find(source)
    sandbox.secrets.revoke("snowflake")
    with pytest.raises(SourceUnauthorized):
        await find(source)
    sandbox.secrets.restore("snowflake")
    assert await find(source)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("401", SourceUnauthorized),
        ("403", SourceUnauthorized),
        ("404", SourceUnauthorized),
        ("429", SourceRateLimited),
        ("429-bare", SourceRateLimited),
        ("500", SourceUnavailable),
        ("503", SourceUnavailable),
        ("hung", SourceTimeout),
        ("slow-headers", SourceTimeout),
        ("drip", SourceTimeout),
        ("cut", SourceUnavailable),
        ("wrong-type", SourceUnavailable),
        ("not-json", SourceUnavailable),
        ("refused", SourceUnavailable),
    ],
)
@pytest.mark.parametrize("settings", [SERVICE, TABLE], ids=["service", "table"])
async def test_trouble_ends_in_the_right_error_and_the_next_call_works(connect, sandbox, settings, kind, error):
    source = connect(settings)
    sandbox.faults.add(Fault(source="snowflake", kind=kind, pace_s=0.5, retry_after_s=9))
    budget_s = SHORT_BUDGET_S if error is SourceTimeout else BUDGET_S
    began = time.monotonic()
    try:
        async with asyncio.timeout(budget_s):
            with pytest.raises(SourceError) as raised:
                await find(source)
        assert isinstance(raised.value, error)
    except TimeoutError:
        assert error is SourceTimeout
    assert time.monotonic() - began < budget_s + SLACK_S
    sandbox.faults.clear()
    assert await find(source)


async def test_a_fault_is_met_twice_at_most(connect, sandbox):
    source = connect(SERVICE)
    await find(source)
    sandbox.traffic.clear()
    sandbox.faults.add(Fault(source="snowflake", kind="503"))
    with pytest.raises(SourceUnavailable):
        await find(source)
    assert sandbox.traffic.count("snowflake", "search") == 2


async def test_one_lost_answer_is_made_good(connect, sandbox):
    source = connect(TABLE)
    await find(source)
    sandbox.faults.add(Fault(source="snowflake", kind="cut", route="statements", times=1))
    assert await find(source)


async def test_a_deadline_stops_the_statement_in_the_warehouse(connect):
    with running(Behaviour(statement_time=timedelta(seconds=30))) as (slow, base_url):
        source = connect(TABLE, base_url)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await find(source)
        await source.aclose()
        assert slow.traffic.count("snowflake", "cancel") == 1


async def test_statements_that_take_their_time_in_many_partitions_arrive_whole(connect):
    with running(Behaviour(statement_time=timedelta(seconds=0.2), partition_rows=1)) as (slow, base_url):
        source = connect(TABLE, base_url)
        assert len(await find(source, "refund receipt garage", limit=10)) == 4
        assert slow.traffic.count("snowflake", "statement") > 8


async def test_a_question_about_figures_is_answered_with_rows(connect):
    source = connect(SERVICE)
    (tool,) = HANDLER.tools(HANDLER.config.model_validate(SERVICE))
    answer = await tool.run(source, tool.arguments(question="How many parts does every page have?"))
    assert isinstance(answer, AnalystAnswer)
    assert answer.columns == ["ID", "PARTS"]
    assert answer.rows == [["parking", 1], ["receipts", 1], ["refunds", 2], ["travel", 1]]
    other = await tool.run(source, tool.arguments(question="What will the weather be like?"))
    assert isinstance(other, AnalystAnswer)
    assert other.sql is None
    assert other.suggestions == ["How many parts does every page have?"]
