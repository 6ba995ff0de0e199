"""Whatever somebody types, the stand-ins answer as vendors do, and never with an error of their own."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.box.search import fts5_expression
from sandbox.graph.kql import KqlSyntaxError, parse
from sandbox.graph.mail_index import MailIndex, UnreadableValue
from sandbox.snowflake.errors import StatementFailed
from sandbox.snowflake.warehouse import Context, Warehouse
from sandbox.words import STEMMED, WordIndex, quoted, words_of
from tests.sandbox.conftest import SteppedClock

ANY = st.text(max_size=40)
QUERY = st.text(alphabet="ab \"*ANDORT():-^+{}\0é'", max_size=40)
SQL = st.text(alphabet="SELECT*FROM tickets'\"?;-/$:.(),0=>`", max_size=40)
CONTEXT = Context(database="LARKFIELD", schema="SUPPORT", parameters={})


@pytest.fixture(scope="module")
def index() -> WordIndex:
    return WordIndex(("name", "content"), [("a b", "AND b"), ("", "é")], tokenizer=STEMMED)


@pytest.fixture(scope="module")
def warehouse(world) -> Warehouse:
    return Warehouse(world, SteppedClock())


@pytest.fixture(scope="module")
def mails(world) -> MailIndex:
    return MailIndex(world.mails, SteppedClock())


@settings(deadline=None)  # the machine may be busy
@given(st.one_of(ANY, QUERY))
def test_box_queries(index, text):
    expression = fts5_expression(text, ("name", "content"))
    if expression:
        index.ranked(expression, weights=(1.0, 1.0), limit=10)


@settings(deadline=None)
@given(st.one_of(ANY, QUERY))
def test_words_for_cortex(index, text):
    words = words_of(text)
    if words:
        index.matching(" OR ".join(quoted(word) for word in words))


@settings(deadline=None)
@given(st.one_of(ANY, QUERY))
def test_kql(mails, text):
    with suppress(KqlSyntaxError, UnreadableValue):
        node = parse(text)
        if node is not None:
            mails.search(node)


@settings(deadline=None)
@given(st.one_of(ANY, SQL, SQL.map("SELECT {}".format)))
def test_sql(warehouse, text):
    with suppress(StatementFailed):
        warehouse.run(text, (), CONTEXT)
