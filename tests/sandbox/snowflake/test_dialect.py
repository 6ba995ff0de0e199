"""How much of Snowflake's SQL the warehouse understands."""

from __future__ import annotations

import pytest

from sandbox.snowflake.errors import StatementFailed
from sandbox.snowflake.warehouse import Context, Warehouse

CONTEXT = Context(database="LARKFIELD", schema="SUPPORT", parameters={})


@pytest.fixture
def warehouse(world, clock) -> Warehouse:
    return Warehouse(world, clock)


def run(warehouse, statement, *bindings):
    return list(warehouse.run(statement, bindings, CONTEXT).rows)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'a' || 'b'", "ab"),
        ("'it''s' || '\\n' || $$raw '$$", "it's\nraw '"),
        ("'12'::NUMBER + 1", 13),
        ("('1' || '2')::INT", 12),
        ("ROUND('2.5'::FLOAT, 1)", 2.5),
        ("'x'::VARCHAR(10)", "x"),
        ("DATE '2026-11-20'", "2026-11-20"),
        ("DATEADD(month, -1, '2026-03-31')", "2026-02-28"),
        ("DATEADD('day', 3, '2026-02-27')", "2026-03-02"),
        ("DATEADD(hour, 2, '2026-02-27 23:00:00')", "2026-02-28 01:00:00"),
        ("DATEDIFF(day, '2026-01-01', '2026-03-01')", 59),
        ("DATEDIFF(month, '2026-01-31', '2026-02-01')", 1),
        ("DATEDIFF(week, '2026-11-15', '2026-11-16')", 1),
        ("DATEDIFF(hour, '2026-11-15 01:00:00', '2026-11-15 03:30:00')", 2),
        ("DATE_TRUNC(quarter, '2026-11-20')", "2026-10-01"),
        ("DATE_TRUNC('week', '2026-11-20')", "2026-11-16"),
        ("DATE_TRUNC('hour', '2026-11-20 10:20:30')", "2026-11-20 10:00:00"),
        ("YEAR('2026-11-20') * 100 + QUARTER('2026-11-20')", 202604),
        ("DATE_PART(week, '2026-11-20')", 47),
        ("TO_CHAR('2026-11-20', 'DD.MM.YYYY')", "20.11.2026"),
        ("TO_DATE('2026-11-20 10:00:00')", "2026-11-20"),
        ("CURRENT_DATE", "2026-11-20"),
        ("CURRENT_TIMESTAMP()", "2026-11-20 09:00:00"),
        ("IFF(1 > 2, 'yes', 'no')", "no"),
        ("NVL(NULL, 7) + ZEROIFNULL(NULL)", 7),
        ("COALESCE(NULL, 'x')", "x"),
        ("CONTAINS('abc', 'b') AND STARTSWITH('abc', 'ab')", 1),
        ("SPLIT_PART('a-b-c', '-', 2) || SPLIT_PART('a-b-c', '-', -1) || SPLIT_PART('a', '-', 5)", "bc"),
        ("LEFT('abc', 2) || RIGHT('abc', 1)", "abc"),
        ("REPLACE('aXb', 'X') || LEN('abc')", "ab3"),
        ("CONCAT('a', NULL)", None),
        ("NULL LIKE 'a'", None),
        ("DATEADD(day, NULL, '2026-01-01')", None),
        ("DATEDIFF(day, NULL, '2026-01-01')", None),
        ("DATE_TRUNC(day, NULL)", None),
        ("DATE_PART(day, NULL)", None),
        ("TO_CHAR(NULL)", None),
        ("SPLIT_PART(NULL, '-', 1)", None),
        ("'ABC' LIKE 'a%'", 0),
        ("'ABC' ILIKE 'a%'", 1),
        ("'ABC' NOT ILIKE 'b%'", 1),
        ("'50%' LIKE '50^%' ESCAPE '^'", 1),
        ("SEARCH(('Gateway silent', 'at dock'), 'SILENT night')", 1),
        ("SEARCH(('Gateway silent', 'at dock'), 'silent night', SEARCH_MODE => 'AND')", 0),
        ("CASE WHEN TRUE THEN 1 ELSE 0 END -- a comment", 1),
        ("/* another */ 1 // and one more", 1),
    ],
)
def test_expressions(warehouse, expression, value):
    assert run(warehouse, f"SELECT {expression}") == [(value,)]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ('SELECT t."TICKET_ID" FROM "LARKFIELD"."SUPPORT"."TICKETS" t WHERE t.ticket_id = \'T-1013\'', [("T-1013",)]),
        ("SELECT tickets.ticket_id FROM support.tickets WHERE tickets.ticket_id = 'T-1013'", [("T-1013",)]),
        (
            "WITH closed AS (SELECT * FROM tickets WHERE closed_on IS NOT NULL) SELECT COUNT(*) FROM closed c",
            [(56,)],
        ),
        ("SELECT COUNT_IF(is_paid), MEDIAN(order_id) FROM orders", [(73, 8839)]),
        (
            "SELECT LISTAGG(ticket_id, '+') FROM (SELECT ticket_id FROM tickets ORDER BY 1 LIMIT 2) AS first_two",
            [("T-1001+T-1002",)],
        ),
        (
            """
            SELECT ticket_id, ROW_NUMBER() OVER (PARTITION BY priority ORDER BY ticket_id) AS place
            FROM tickets WHERE priority = 'urgent' ORDER BY place LIMIT 1
            """,
            [("T-1031", 1)],
        ),
        ("CALL SYSTEM$WAIT(0)", [("waited 0 seconds",)]),
        (
            """
            SELECT column_name, data_type FROM information_schema.columns
            WHERE table_name = 'ORDERS' ORDER BY ordinal_position LIMIT 2
            """,
            [("ORDER_ID", "NUMBER"), ("CUSTOMER", "TEXT")],
        ),
        (
            "SELECT table_name, row_count FROM LARKFIELD.INFORMATION_SCHEMA.TABLES WHERE table_name = 'TICKETS'",
            [("TICKETS", 60)],
        ),
    ],
)
def test_statements(warehouse, statement, expected):
    assert run(warehouse, statement) == expected


def test_every_verified_query_runs_and_has_rows(warehouse, world):
    for query in world.semantic_models[0].verified_queries:
        assert run(warehouse, query.statement), query.name


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 QUALIFY 1 = 1",
        "SELECT INTERVAL '1 day'",
        "SELECT '1'::GEOGRAPHY",
        "SELECT 1)",
        "SELECT `x`",
        'SELECT "no such column" FROM tickets',
    ],
)
def test_what_it_does_not_understand_is_a_compilation_error(warehouse, statement):
    with pytest.raises(StatementFailed, match="compilation error"):
        run(warehouse, statement)


def test_what_is_bound_is_never_syntax(warehouse):
    assert run(warehouse, "SELECT COUNT(*) FROM tickets WHERE subject = ?", "x' OR '1'='1") == [(0,)]
