"""The six tools of the sample, as federation runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from errors import Conflict, NotFound
from handlers.base import DatabaseRules, Hints, Lent
from handlers.customer_db import HANDLER
from handlers.customer_db.sample_tools import CustomerAnswer, CustomerList
from tests.handlers.contract import NOW

pytestmark = pytest.mark.anyio

CONFIG = HANDLER.config.model_validate({"url": "sample", "allow_writes": True})
TOOLS = {tool.name: tool for tool in HANDLER.tools(CONFIG)}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def source(tmp_path: Path):
    return HANDLER.connect(CONFIG, Lent(clock=lambda: NOW, folder=tmp_path, databases=DatabaseRules()))


async def run(source: Any, tool_name: str, /, **arguments: Any) -> BaseModel:
    tool = TOOLS[tool_name]
    answer = await tool.run(source, tool.arguments.model_validate(arguments))
    assert isinstance(answer, tool.answer)
    return answer


async def customer(source: Any, tool_name: str, /, **arguments: Any) -> CustomerAnswer:
    answer = await run(source, tool_name, **arguments)
    assert isinstance(answer, CustomerAnswer)
    return answer


async def listed(source: Any, **arguments: Any) -> CustomerList:
    answer = await run(source, "list_customers", **arguments)
    assert isinstance(answer, CustomerList)
    return answer


def test_writing_tools_are_offered_only_where_writes_are_allowed():
    reading = HANDLER.config.model_validate({"url": "sample"})
    assert [tool.name for tool in HANDLER.tools(reading)] == ["get_customer", "list_customers"]
    assert list(TOOLS) == [
        *("get_customer", "list_customers"),
        *("add_customer", "update_customer", "disable_customer", "activate_customer"),
    ]


def test_hints_say_what_each_tool_does():
    assert {name: tool.hints for name, tool in TOOLS.items()} == {
        "get_customer": Hints(read_only=True, idempotent=True),
        "list_customers": Hints(read_only=True, idempotent=True),
        "add_customer": Hints(read_only=False),
        "update_customer": Hints(read_only=False, destructive=True, idempotent=True),
        "disable_customer": Hints(read_only=False, destructive=True, idempotent=True),
        "activate_customer": Hints(read_only=False, idempotent=True),
    }


async def test_a_customer_is_got_by_number(source):
    found = await customer(source, "get_customer", id=1)
    assert (found.name, found.email, found.status) == ("Amelia Hart", "amelia.hart@example.com", "active")


async def test_customers_are_listed_by_status(source):
    disabled = await listed(source, status="disabled", limit=2)
    assert disabled.total == 3
    assert [row.status for row in disabled.customers] == ["disabled", "disabled"]
    assert (await listed(source)).total == 10


async def test_an_added_customer_can_be_got(source):
    added = await customer(
        source, "add_customer", name="Nils Berg", email="Nils.Berg@example.com", phone="+46 8 555 0100"
    )
    assert added.id == 11
    assert added.status == "active"
    assert added.created_at == added.updated_at == "2026-11-20T12:00:00Z"
    assert await customer(source, "get_customer", id=11) == added


async def test_an_address_that_is_taken_is_a_conflict_in_any_case(source):
    with pytest.raises(Conflict, match="already has this e-mail address"):
        await run(source, "add_customer", name="Twin", email="AMELIA.HART@example.com")
    with pytest.raises(Conflict):
        await run(source, "update_customer", id=2, email="amelia.hart@example.com")
    assert (await listed(source)).total == 10


async def test_an_update_changes_what_it_names_and_nothing_else(source):
    before = await customer(source, "get_customer", id=3)
    after = await customer(source, "update_customer", id=3, phone="+44 1632 960999")
    assert after == before.model_copy(update={"phone": "+44 1632 960999", "updated_at": "2026-11-20T12:00:00Z"})


async def test_disabling_and_activating_twice_is_doing_it_once(source):
    once = await customer(source, "disable_customer", id=1)
    assert once.status == "disabled"
    assert await customer(source, "disable_customer", id=1) == once
    assert (await customer(source, "activate_customer", id=1)).status == "active"


@pytest.mark.parametrize("name", ["get_customer", "disable_customer", "activate_customer"])
async def test_an_unknown_number_is_not_found(source, name):
    with pytest.raises(NotFound, match="no customer"):
        await run(source, name, id=4711)


async def test_an_unknown_number_cannot_be_changed(source):
    with pytest.raises(NotFound):
        await run(source, "update_customer", id=4711, name="Nobody")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_customer", {}),
        ("get_customer", {"id": 0}),
        ("get_customer", {"id": -1}),
        ("get_customer", {"id": 10**12}),
        ("get_customer", {"id": "1 OR 1=1"}),
        ("get_customer", {"id": 1, "email": "x"}),
        ("list_customers", {"status": "deleted"}),
        ("list_customers", {"limit": 0}),
        ("list_customers", {"limit": 201}),
        ("add_customer", {"name": "", "email": "a@example.com"}),
        ("add_customer", {"name": "   ", "email": "a@example.com"}),
        ("add_customer", {"name": "A\0B", "email": "a@example.com"}),
        ("add_customer", {"name": "A\r\nB", "email": "a@example.com"}),
        ("add_customer", {"name": "x" * 201, "email": "a@example.com"}),
        ("add_customer", {"name": "A", "email": "no address"}),
        ("add_customer", {"name": "A", "email": "a@b"}),
        ("add_customer", {"name": "A", "email": f"{'a' * 300}@example.com"}),
        ("add_customer", {"name": "A", "email": "a@example.com", "phone": "call me"}),
        ("add_customer", {"name": "A", "email": "a@example.com", "phone": "1"}),
        ("add_customer", {"name": "A", "email": "a@example.com", "status": "gone"}),
        ("add_customer", {"name": "A", "email": "a@example.com", "id": 5}),
        ("update_customer", {"id": 1}),
        ("update_customer", {"id": 1, "status": "active"}),
        ("update_customer", {"id": 1, "phone": "'; DROP TABLE customers"}),
    ],
)
def test_arguments_that_make_no_sense_are_refused(name, arguments):
    with pytest.raises(ValidationError):
        TOOLS[name].arguments.model_validate(arguments)
