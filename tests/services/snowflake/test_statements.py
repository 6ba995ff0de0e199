"""Statements through the SQL API: how they are sent, waited for, collected, repeated and stopped."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import anyio
import pytest
from starlette.responses import JSONResponse

from errors import SourceError, SourceRateLimited, SourceTimeout, SourceUnavailable
from services.snowflake.refusals import NotGranted, StatementRejected
from services.snowflake.statements import Binding, Result, Session, Statement, Statements
from tests.services.snowflake.stand_in import (
    Asked,
    Columns,
    Pauses,
    StandIn,
    Warehouse,
    account_for,
    refused,
)

pytestmark = pytest.mark.anyio

SESSION = Session(database="DB", schema="S", warehouse="WH", role="READER")
NUMBERS = Columns([("N", "FIXED")], [[str(n)] for n in range(2_500)])


def statement(**changes) -> Statement:
    plain = Statement(sql="select 1", tag="gatehouse/test", timeout=timedelta(seconds=10), max_rows=5_000)
    return replace(plain, **changes)


def gives(result) -> Warehouse:
    return Warehouse(lambda *_: result)


def statements_of(warehouse, pauses: Pauses | None = None) -> Statements:
    return Statements(account_for(StandIn(warehouse), pauses), SESSION)


async def run(warehouse, **changes) -> Result:
    return await statements_of(warehouse).run(statement(**changes))


async def test_a_statement_is_sent_with_its_context_and_its_limits():
    warehouse = gives(NUMBERS)
    await run(warehouse, sql="select ? + ?", bindings=[Binding("FIXED", "1"), Binding("TEXT", "2")], max_rows=200)
    asked = warehouse.asked[0]
    assert (asked.method, asked.path) == ("POST", "/api/v2/statements")
    assert asked.query["async"] == asked.query["nullable"] == "true"
    assert "retry" not in asked.query
    assert asked.body == {
        "statement": "select ? + ?",
        "timeout": 10,
        "database": "DB",
        "schema": "S",
        "warehouse": "WH",
        "role": "READER",
        "bindings": {"1": {"type": "FIXED", "value": "1"}, "2": {"type": "TEXT", "value": "2"}},
        "parameters": {"query_tag": "gatehouse/test", "rows_per_resultset": 201, "multi_statement_count": 1},
    }


async def test_what_the_session_leaves_open_is_left_to_the_users_defaults():
    stand_in = StandIn(gives(NUMBERS))
    await Statements(account_for(stand_in), Session(database="DB")).run(statement())
    assert {"schema", "warehouse", "role", "bindings"}.isdisjoint(stand_in.asked[0].body)


async def test_a_timeout_is_never_the_zero_that_means_a_week():
    warehouse = gives(NUMBERS)
    await run(warehouse, timeout=timedelta(milliseconds=200))
    assert warehouse.last.body["timeout"] == 1


async def test_cells_come_typed():
    columns = [("A", "FIXED:2"), ("B", "boolean"), ("C", "TEXT")]
    result = await run(gives(Columns(columns, [["1.50", "true", None]])))
    assert [column.name for column in result.columns] == ["A", "B", "C"]
    assert result.rows == [[Decimal("1.50"), True, None]]


async def test_it_waits_longer_from_look_to_look():
    pauses = Pauses()
    warehouse = gives(NUMBERS)
    warehouse.looks = 12
    await statements_of(warehouse, pauses).run(statement())
    assert len(pauses.taken) == 13
    assert pauses.taken == sorted(pauses.taken)
    assert pauses.taken[0] <= 0.1
    assert pauses.taken[-1] == 2.0


async def test_partitions_are_put_together():
    result = await run(gives(NUMBERS))
    assert [row[0] for row in result.rows] == list(range(2_500))
    assert result.is_complete


async def test_no_more_partitions_are_fetched_than_are_wanted():
    warehouse = gives(NUMBERS)
    result = await run(warehouse, max_rows=1_200)
    assert len(result.rows) == 1_200
    assert not result.is_complete
    assert [asked.query["partition"] for asked in warehouse.asked if "partition" in asked.query] == ["1"]


async def test_exactly_as_many_rows_as_wanted_are_all_of_them():
    result = await run(gives(Columns([("N", "fixed")], [["1"], ["2"]])), max_rows=2)
    assert len(result.rows) == 2
    assert result.is_complete


async def test_a_statement_without_rows_has_none():
    result = await run(gives(Columns([("N", "fixed")])))
    assert result.rows == []
    assert result.is_complete


async def test_a_result_that_snowflake_cut_is_not_called_complete():
    first = {"code": "391908", "resultSetMetaData": {"rowType": [{"name": "N", "type": "fixed"}]}, "data": [["1"]]}

    def cut(asked: Asked):
        handle = {"statementHandle": "01b2-cut-handle"}
        return JSONResponse(
            {**handle, **({} if asked.method == "POST" else first)}, 202 if asked.method == "POST" else 200
        )

    assert not (await run(cut)).is_complete


@pytest.mark.parametrize("rows", [[["1", "2"]], [[]]])
async def test_rows_that_do_not_fit_their_columns_are_refused(rows):
    with pytest.raises(SourceUnavailable):
        await run(gives(Columns([("N", "fixed")], rows)))


async def test_a_handle_that_would_lead_elsewhere_is_refused():
    warehouse = StandIn(JSONResponse({"statementHandle": "../../../session/token"}, 202))
    with pytest.raises(SourceUnavailable):
        await Statements(account_for(warehouse), SESSION).run(statement())
    assert len(warehouse) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(422, "002003"), NotGranted),
        (refused(422, "001003"), StatementRejected),
    ],
)
async def test_a_statement_that_failed_is_not_cancelled_too(answer, kind):
    warehouse = gives(answer)
    statements = statements_of(warehouse)
    with pytest.raises(kind):
        await statements.run(statement())
    await statements.aclose()
    assert not warehouse.last.cancelled


async def test_a_statement_that_snowflake_ended_is_a_timeout():
    with pytest.raises(SourceTimeout):
        await run(gives(refused(408, "000630")))


async def test_a_statement_whose_reply_was_lost_is_not_run_twice():
    warehouse = gives(NUMBERS)

    def lost(asked: Asked):
        warehouse(asked)
        return refused(503)

    stand_in = StandIn(lost, warehouse)
    result = await Statements(account_for(stand_in), SESSION).run(statement())
    assert len(result.rows) == 2_500
    assert len(warehouse.statements) == 1
    first, second = (asked.query for asked in stand_in.asked[:2])
    assert first["requestId"] == second["requestId"]
    assert ("retry" in first, second["retry"]) == (False, "true")


async def test_every_statement_has_a_request_id_of_its_own():
    warehouse = gives(NUMBERS)
    statements = statements_of(warehouse)
    await statements.run(statement())
    await statements.run(statement())
    assert len(warehouse.requests) == 2


async def test_the_deadline_of_the_caller_reaches_the_server():
    warehouse = gives(NUMBERS)
    warehouse.looks = 10**9
    statements = statements_of(warehouse)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await statements.run(statement())
    await statements.aclose()
    assert warehouse.last.cancelled


async def test_a_cancelled_scope_reaches_the_server():
    warehouse = gives(NUMBERS)
    warehouse.looks = 10**9
    statements = statements_of(warehouse)
    with anyio.move_on_after(0.05):
        await statements.run(statement())
    await statements.aclose()
    assert warehouse.last.cancelled


async def test_the_statements_own_time_ends_it_on_both_sides(monkeypatch):
    monkeypatch.setattr("services.snowflake.statements._MARGIN", timedelta(0))
    warehouse = gives(NUMBERS)
    warehouse.looks = 10**9
    statements = statements_of(warehouse)
    with pytest.raises(SourceTimeout):
        await statements.run(statement(timeout=timedelta(milliseconds=50)))
    await statements.aclose()
    assert warehouse.last.cancelled


async def test_a_statement_still_being_submitted_at_the_deadline_is_stopped_too():
    warehouse = gives(NUMBERS)
    warehouse.looks = 10**9

    async def slowly(asked: Asked):
        answer = warehouse(asked)
        await asyncio.sleep(0.1)
        return answer

    statements = statements_of(slowly)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await statements.run(statement())
    assert not warehouse.last.cancelled
    await statements.aclose()
    assert warehouse.last.cancelled


async def test_a_caller_whose_time_is_up_does_not_wait_for_the_cancelling():
    warehouse = gives(NUMBERS)
    warehouse.looks = 10**9

    async def slow_to_cancel(asked: Asked):
        if asked.path.endswith("/cancel"):
            await asyncio.sleep(0.5)
        return warehouse(asked)

    statements = statements_of(slow_to_cancel)
    clock = asyncio.get_running_loop().time
    began = clock()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await statements.run(statement())
    assert clock() - began < 0.3
    await statements.aclose()
    assert warehouse.last.cancelled


@pytest.mark.parametrize(("answer", "kind"), [(refused(429), SourceRateLimited), (refused(503), SourceUnavailable)])
async def test_a_statement_that_cannot_be_watched_any_more_is_stopped(answer, kind):
    warehouse = gives(NUMBERS)

    def unwatchable(asked: Asked):
        return answer if asked.method == "GET" else warehouse(asked)

    statements = statements_of(unwatchable)
    with pytest.raises(kind):
        await statements.run(statement())
    await statements.aclose()
    assert warehouse.last.cancelled


async def test_a_cancel_that_fails_hides_nothing():
    warehouse = gives(NUMBERS)

    def uncancellable(asked: Asked):
        return refused(500) if asked.method == "GET" or asked.path.endswith("/cancel") else warehouse(asked)

    statements = statements_of(uncancellable)
    with pytest.raises(SourceError):
        await statements.run(statement())
    await statements.aclose()


async def test_nothing_runs_on_after_closing():
    before = asyncio.all_tasks()
    warehouse = gives(NUMBERS)
    warehouse.looks = 10**9
    statements = statements_of(warehouse)
    with anyio.move_on_after(0.02):
        await statements.run(statement())
    await statements.aclose()
    assert asyncio.all_tasks() <= before


async def test_after_a_failure_the_next_statement_works():
    warehouse = gives(NUMBERS)
    statements = Statements(account_for(StandIn(refused(500), warehouse)), SESSION)
    with pytest.raises(SourceUnavailable):
        await statements.run(statement())
    assert len((await statements.run(statement())).rows) == 2_500
