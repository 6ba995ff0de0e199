"""SQL API v2: waiting and not waiting, partitions, cells, bindings, what is refused."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import timedelta

import pytest

from sandbox.behaviour import Behaviour
from sandbox.credentials import DEMO
from tests.sandbox.callers import PAT_HEADERS

pytestmark = pytest.mark.anyio

STATEMENTS = "/snowflake/api/v2/statements"
SOON = Behaviour(sync_wait=timedelta(milliseconds=50))


async def rows(caller, statement, **more):
    answer = await caller.statement(statement, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def poll(client, handle, **params):
    return await client.get(f"{STATEMENTS}/{handle}", params=params, headers=PAT_HEADERS)


async def until_done(client, handle):
    for _ in range(100):
        answer = await poll(client, handle)
        if answer.status_code != 202:
            return answer
        await asyncio.sleep(0.02)
    raise AssertionError("it never ended")


async def test_a_statement_that_is_quick_enough_is_answered_at_once(caller):
    statement = "SELECT ticket_id, subject FROM tickets WHERE customer = ? ORDER BY 1"
    bindings = {"1": {"type": "TEXT", "value": "Calder Trucking"}}
    answer = (await caller.statement(statement, bindings=bindings)).json()
    assert answer["data"] == [["T-1013", "Data for insurer after end of contract"]]
    assert (answer["code"], answer["sqlState"]) == ("090001", "00000")
    meta = answer["resultSetMetaData"]
    assert (meta["numRows"], meta["format"], meta["partitionInfo"][0]["rowCount"]) == (1, "jsonv2", 1)
    assert [column["name"] for column in meta["rowType"]] == ["TICKET_ID", "SUBJECT"]
    assert answer["statementStatusUrl"].startswith(f"/api/v2/statements/{answer['statementHandle']}?requestId=")


async def test_every_cell_is_a_string_or_null(caller):
    statement = """
        SELECT o.order_id, o.amount_eur, o.is_paid, o.ordered_on, o.entered_at, t.closed_on, t.subject
        FROM orders o JOIN tickets t ON t.ticket_id = 'T-1037' ORDER BY o.order_id LIMIT 1
    """
    answer = (await caller.statement(statement)).json()
    assert [column["type"] for column in answer["resultSetMetaData"]["rowType"]] == [
        "fixed", "real", "boolean", "date", "timestamp_ntz", "date", "text",
    ]  # fmt: skip
    ((number, amount, paid, day, moment, missing, subject),) = answer["data"]
    assert (number, paid, missing) == ("8801", "true", None)
    assert float(amount) > 0
    assert int(day) == 20_467  # days from 1970-01-01 to 2026-01-14
    assert moment.endswith(".000000000")
    assert int(moment.partition(".")[0]) // 86_400 == int(day)
    assert subject == "Audit trail PDF lacks entries of the API user"


async def test_dates_can_be_asked_for_in_words_of_their_own(caller):
    parameters = {"date_output_format": "YYYY-MM-DD", "timestamp_ntz_output_format": 'YYYY-MM-DD"T"HH24:MI:SS'}
    ((day, moment),) = await rows(
        caller, "SELECT ordered_on, entered_at FROM orders ORDER BY order_id LIMIT 1", parameters=parameters
    )
    assert day == "2026-01-14"
    assert moment.startswith("2026-01-14T")


async def test_null_may_be_a_word(caller, client):
    body = {"statement": "SELECT NULL AS nothing, 1 AS one"}
    answer = await client.post(f"{STATEMENTS}?nullable=false", json=body, headers=PAT_HEADERS)
    assert answer.json()["data"] == [["null", "1"]]


@pytest.mark.parametrize("behaviour", [Behaviour(partition_rows=25)])
async def test_partitions_come_by_themselves_compressed_and_without_metadata(caller, client):
    first = await caller.statement("SELECT order_id FROM orders ORDER BY order_id")
    info = first.json()["resultSetMetaData"]["partitionInfo"]
    assert [part["rowCount"] for part in info] == [25, 25, 25, 2]
    handle = first.json()["statementHandle"]
    data = first.json()["data"]
    for number in (1, 2, 3):
        part = await poll(client, handle, partition=number)
        assert part.headers["content-encoding"] == "gzip"
        assert set(part.json()) == {"data"}
        data += part.json()["data"]
    assert [int(number) for (number,) in data] == list(range(8801, 8878))
    assert (await poll(client, handle, partition=4)).status_code == 400
    assert (await poll(client, handle, partition=0)).json()["resultSetMetaData"]["numRows"] == 77


@pytest.mark.parametrize("behaviour", [SOON])
async def test_a_slow_statement_is_asked_for_later(caller, client):
    started = time.monotonic()
    answer = await caller.statement("SELECT SYSTEM$WAIT(0.3)")
    assert time.monotonic() - started < 0.25
    assert (answer.status_code, answer.json()["code"]) == (202, "333334")
    handle = answer.json()["statementHandle"]
    assert (await poll(client, handle)).status_code == 202
    done = await until_done(client, handle)
    assert done.json()["data"] == [["waited 0.3 seconds"]]


async def test_an_asynchronous_statement_is_not_waited_for(client):
    body = {"statement": "SELECT 1"}
    answer = await client.post(f"{STATEMENTS}?async=true", json=body, headers=PAT_HEADERS)
    assert answer.status_code == 202
    assert (await until_done(client, answer.json()["statementHandle"])).json()["data"] == [["1"]]


@pytest.mark.parametrize("behaviour", [SOON])
async def test_a_statement_can_be_cancelled_while_it_runs(caller, client):
    handle = (await caller.statement("SELECT SYSTEM$WAIT(30)")).json()["statementHandle"]
    cancelled = await client.post(f"{STATEMENTS}/{handle}/cancel", headers=PAT_HEADERS)
    assert (cancelled.status_code, cancelled.json()["code"]) == (200, "000604")
    after = await poll(client, handle)
    assert (after.status_code, after.json()["code"], after.json()["sqlState"]) == (422, "000604", "57014")


async def test_what_is_done_cannot_be_cancelled(caller, client):
    handle = (await caller.statement("SELECT 1")).json()["statementHandle"]
    answer = await client.post(f"{STATEMENTS}/{handle}/cancel", headers=PAT_HEADERS)
    assert (answer.status_code, answer.json()["code"]) == (422, "000605")


async def test_a_statement_has_no_more_time_than_it_asked_for(caller):
    answer = await caller.statement("SELECT SYSTEM$WAIT(30)", timeout=1)
    assert (answer.status_code, answer.json()["code"]) == (408, "000630")


async def test_asking_again_for_the_same_request_is_the_same_statement(client):
    request_id = str(uuid.uuid4())
    body = {"statement": "SELECT 1"}
    first = await client.post(f"{STATEMENTS}?requestId={request_id}", json=body, headers=PAT_HEADERS)
    again = await client.post(f"{STATEMENTS}?requestId={request_id}&retry=true", json=body, headers=PAT_HEADERS)
    other = await client.post(f"{STATEMENTS}?requestId={request_id}", json=body, headers=PAT_HEADERS)
    assert again.json()["statementHandle"] == first.json()["statementHandle"] != other.json()["statementHandle"]


async def test_a_statement_that_nobody_submitted(client):
    assert (await poll(client, uuid.uuid4())).status_code == 404


@pytest.mark.parametrize(
    ("statement", "code", "part"),
    [
        ("SELECT colour FROM tickets", "000904", "invalid identifier 'COLOUR'"),
        ("SELECT * FROM nowhere", "002003", "Object 'NOWHERE' does not exist"),
        ("SELECT * FROM OTHER.SUPPORT.TICKETS", "002003", "does not exist or not authorized"),
        ("SELEC 1", "001003", "unexpected 'SELEC'"),
        ("SELECT 1 FROM", "001003", "syntax error"),
        ("SELECT 'open", "001003", "unexpected ''"),
        ("SELECT nosuch(1)", "002140", "Unknown function NOSUCH"),
        ("SELECT 1; SELECT 2", "000008", "statement count 2 did not match the desired statement count 1"),
        (" -- nothing\n ;", "000900", "Empty SQL statement"),
        ("SELECT ? , ?", "002049", "not set"),
        ("DELETE FROM tickets", "003001", "Insufficient privileges"),
        ("USE ROLE accountadmin", "391911", "Unsupported statement type 'USE'"),
        ("WITH x AS (SELECT 1) DELETE FROM tickets", "001003", "not authorized"),
    ],
)
async def test_what_cannot_be_done_is_told(caller, statement, code, part):
    answer = await caller.statement(statement)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert part in answer.json()["message"]


@pytest.mark.parametrize(
    ("context", "code"),
    [
        ({"warehouse": "OTHER_WH"}, "000606"),
        ({"database": "OTHER"}, "390201"),
        ({"role": "ACCOUNTADMIN"}, "390189"),
    ],
)
async def test_a_context_that_is_not_there(caller, context, code):
    answer = await caller.statement("SELECT 1", **context)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_the_right_context_and_where_one_is(caller):
    known = DEMO.snowflake
    statement = "SELECT CURRENT_USER(), CURRENT_ROLE(), CURRENT_WAREHOUSE(), CURRENT_DATE()"
    answer = await rows(caller, statement, warehouse=known.warehouse, role=known.role)
    assert answer == [[known.user, known.role, known.warehouse, "20777"]]


async def test_unqualified_names_need_a_schema(client):
    body = {"statement": "SELECT 1 FROM tickets", "database": "LARKFIELD"}
    answer = await client.post(STATEMENTS, json=body, headers=PAT_HEADERS)
    assert answer.json()["code"] == "002003"
    body = {"statement": "SELECT COUNT(*) FROM LARKFIELD.SUPPORT.TICKETS"}
    assert (await client.post(STATEMENTS, json=body, headers=PAT_HEADERS)).json()["data"] == [["60"]]


@pytest.mark.parametrize("body", [b"not json", b"[]", b'{"no": "statement"}'])
async def test_payloads_that_are_none(client, body):
    headers = PAT_HEADERS | {"content-type": "application/json"}
    answer = await client.post(STATEMENTS, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "390142")
    answer = await client.post(STATEMENTS, content=body, headers=PAT_HEADERS | {"content-type": "text/plain"})
    assert answer.status_code == 415


async def test_a_result_can_be_kept_short(caller):
    assert len(await rows(caller, "SELECT * FROM tickets", parameters={"rows_per_resultset": 7})) == 7


async def test_bindings_have_types(caller):
    bindings = {
        "1": {"type": "FIXED", "value": "8801"},
        "2": {"type": "BOOLEAN", "value": "true"},
        "3": {"type": "REAL", "value": "0.5"},
        "4": {"type": "TEXT", "value": None},
    }
    statement = "SELECT COUNT(*), ?::VARCHAR FROM orders WHERE order_id = ? AND is_paid = ? AND amount_eur > ?"
    bindings = {"1": bindings["4"], "2": bindings["1"], "3": bindings["2"], "4": bindings["3"]}
    assert await rows(caller, statement, bindings=bindings) == [["1", None]]
