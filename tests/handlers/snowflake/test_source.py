"""Checking a source, and how it is connected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from errors import SourceError, SourceUnauthorized
from handlers.base import Endpoints, Lent
from handlers.snowflake import HANDLER
from services.egress import HostPolicy
from services.snowflake import refusals
from tests.handlers.snowflake.example import SERVICE_SETTINGS, TABLE_SETTINGS, Account, Wired, lent_by
from tests.services.snowflake.stand_in import refused

pytestmark = pytest.mark.anyio


async def problem(source) -> SourceError:
    with pytest.raises(SourceError) as raised:
        await source.check()
    return raised.value


def wired(account: Account, folder: Path) -> tuple[Lent, Wired]:
    """What a source is lent, and the egress in it, which remembers."""
    lent = lent_by(account, folder)
    assert isinstance(lent.egress, Wired)
    return lent, lent.egress


async def test_a_check_names_account_role_and_place(service, table):
    assert await service.check() == "example-main as GATEHOUSE_READER: handbook"
    assert await table.check() == "example-main as GATEHOUSE_READER: pages"


async def test_a_check_without_a_role_names_the_one_the_token_has(connect):
    assert "GATEHOUSE_READER" in await connect(SERVICE_SETTINGS, role=None).check()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"CURRENT_ROLE()": "ANALYST"}, refusals.ROLE),
        ({"CURRENT_WAREHOUSE()": None}, refusals.WAREHOUSE),
    ],
)
async def test_a_context_that_did_not_come_about_is_told(table, account, changed, message):
    account.who = {**account.who, **changed}
    assert (await problem(table)).message == message


@pytest.mark.parametrize("role", ["ACCOUNTADMIN", "SECURITYADMIN", "SYSADMIN", "USERADMIN", "ORGADMIN"])
async def test_an_administrators_token_is_refused(connect, account, role):
    account.who = {**account.who, "CURRENT_ROLE()": role}
    refusal = await problem(connect(SERVICE_SETTINGS, role=None))
    assert isinstance(refusal, SourceUnauthorized)
    assert "administrator" in refusal.message


async def test_a_search_service_needs_no_warehouse(service, account):
    account.who = {**account.who, "CURRENT_WAREHOUSE()": None}
    assert await service.check()


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, "390303", refusals.NOT_LET_IN),
        (401, "390432", refusals.NO_NETWORK_POLICY),
        (403, "390422", refusals.NETWORK),
        (403, "390186", refusals.ROLE),
    ],
)
async def test_a_token_that_is_not_let_in_is_told_why(service, account, status, code, message):
    account.fault = lambda _: refused(status, code)
    refusal = await problem(service)
    assert isinstance(refusal, SourceUnauthorized)
    assert refusal.message == message


@pytest.mark.parametrize("setting", ["title_column", "url_column", "order_column"])
async def test_a_column_that_the_service_has_not_is_named_by_its_setting(connect, setting):
    source = connect(SERVICE_SETTINGS, **{setting: "nothing"})
    words = {"title_column": "title column", "url_column": "page column", "order_column": "order column"}
    assert words[setting] in (await problem(source)).message


async def test_an_id_column_that_is_no_attribute_is_told(service, account):
    account.attributes = ("REGION",)
    assert "ATTRIBUTES" in (await problem(service)).message


async def test_a_service_of_several_searched_columns_needs_its_text_columns_named(connect, account):
    account.search_column = None
    assert "text columns" in (await problem(connect(SERVICE_SETTINGS))).message
    assert await connect(SERVICE_SETTINGS, text_columns=["body"]).check()


async def test_a_check_looks_again_at_what_was_believed(service, account):
    await service.check()
    account.attributes = ("REGION",)
    assert "ATTRIBUTES" in (await problem(service)).message


async def test_a_check_proves_that_the_service_may_be_queried(service, account):
    account.fault = lambda asked: refused(403) if asked.path.endswith(":query") else None
    assert isinstance(await problem(service), SourceUnauthorized)


def test_users_accounts_are_reached_below_snowflakes_domains_only(tmp_path):
    lent, egress = wired(Account(), tmp_path)
    HANDLER.connect(HANDLER.config.model_validate(SERVICE_SETTINGS), lent)
    assert egress.policies == [HostPolicy(suffixes=(".snowflakecomputing.com", ".snowflakecomputing.cn"))]


async def test_an_operators_address_stands_for_every_account(tmp_path):
    account = Account()
    lent, egress = wired(account, tmp_path)
    lent = replace(lent, endpoints=Endpoints(snowflake="http://127.0.0.1:8900/snowflake"))
    source = HANDLER.connect(HANDLER.config.model_validate(SERVICE_SETTINGS), lent)
    with pytest.raises(SourceError):
        await source.check()
    assert egress.policies == [HostPolicy(origins=("http://127.0.0.1:8900",))]
    assert account.asked[0].path.startswith("/snowflake/api/v2/")
    assert account.asked[0].headers["host"] == "127.0.0.1:8900"


def test_sources_of_one_account_and_role_share_a_bulkhead():
    def bulkhead(settings, **changes):
        return HANDLER.bulkhead(HANDLER.config.model_validate({**settings, **changes}))

    assert bulkhead(SERVICE_SETTINGS) == bulkhead(TABLE_SETTINGS, role='"GATEHOUSE_READER"', pat="another")
    assert bulkhead(SERVICE_SETTINGS) != bulkhead(SERVICE_SETTINGS, role="other")
    assert bulkhead(SERVICE_SETTINGS) != bulkhead(SERVICE_SETTINGS, account_url="https://b.snowflakecomputing.com")
    assert bulkhead(SERVICE_SETTINGS).size == 8


async def test_closing_gives_the_connections_back(tmp_path):
    lent, egress = wired(Account(), tmp_path)
    source = HANDLER.connect(HANDLER.config.model_validate(SERVICE_SETTINGS), lent)
    await source.check()
    await source.aclose()
    assert [client.is_closed for client in egress.clients] == [True]
