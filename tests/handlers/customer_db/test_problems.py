"""What goes wrong inside a database is told as its trouble, in our words and none of its rows."""

from __future__ import annotations

import pytest

from errors import SourceUnavailable
from tests.handlers.customer_db.test_connections import ask, asking, user_of

pytestmark = pytest.mark.anyio


async def test_a_driver_error_never_reaches_a_message(own_shop, connect):
    own_shop.run("UPDATE customers SET notes = 'row-canary-9'")
    casts = {
        "postgresql": "SELECT CAST(notes AS integer) FROM customers",
        "mariadb": "SELECT notes FROM customers WHERE id = (SELECT id FROM customers)",
        "sqlite": "SELECT json_extract(notes, '$.a') FROM customers",
    }
    with pytest.raises(SourceUnavailable) as failed:
        await ask(connect(own_shop, queries=[asking(casts[own_shop.kind])]))
    assert "row-canary-9" not in str(failed.value)


FAILS_INSIDE = {
    "postgresql": """CREATE FUNCTION fail() RETURNS text LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'row-canary-9'; END $$; GRANT EXECUTE ON FUNCTION fail() TO PUBLIC""",
    "mariadb": """DELIMITER //
        CREATE FUNCTION fail() RETURNS integer BEGIN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'row-canary-9'; RETURN 1; END//
        GRANT EXECUTE ON FUNCTION fail TO {user}//""",
}


async def test_a_function_of_the_owners_that_fails_is_told_as_the_databases_trouble(own_served, connect):
    user = f"'{user_of(own_served)}'@'127.0.0.1'"
    own_served.run(FAILS_INSIDE[own_served.kind].format(user=user))
    with pytest.raises(SourceUnavailable, match="in the database failed") as failed:
        await ask(connect(own_served, queries=[asking("SELECT fail() AS answer")]))
    assert "row-canary-9" not in str(failed.value)
