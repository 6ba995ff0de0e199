"""Forms out of config models, and settings out of forms."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, StringConstraints

from handlers.base import Handler
from handlers.registry import discover
from portal.forms import Field as Input
from portal.forms import Kind, collect, draw, with_one_fewer, with_one_more
from portal.pages.typed import Typed


class Column(BaseModel):
    name: str = Field(title="Name")
    type: Literal["text", "number"] = Field("text", title="Type")


class Table(BaseModel):
    title: str = Field("tickets", title="Title")
    columns: tuple[Column, ...] = Field((), title="Columns")


class Settings(BaseModel):
    address: str = Field(title="Address", description="Where it is.")
    sql: Annotated[str, StringConstraints(max_length=10_000)] = Field("", title="SQL")
    size: int | None = Field(None, title="Size")
    password: SecretStr | None = Field(None, title="Password")
    writes: bool = Field(False, title="Writes")
    mode: Literal["fast", "slow"] = Field("slow", title="Mode")
    words: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = Field((), title="Words")
    table: Table | None = Field(None, title="Table")


def by_name(fields: tuple[Input, ...]) -> dict[str, Input]:
    return {field.name: field for field in fields}


def typed(values: dict[str, str]) -> Typed:
    return Typed(values.items())


def test_every_sort_of_setting_has_its_input():
    drawn = by_name(draw(Settings, {}))
    assert {name.removeprefix("config."): field.kind for name, field in drawn.items()} == {
        "address": Kind.TEXT, "sql": Kind.LONG, "size": Kind.NUMBER, "password": Kind.SECRET, "writes": Kind.CHECK,
        "mode": Kind.CHOICE, "words": Kind.LINES, "table": Kind.GROUP,
    }  # fmt: skip
    assert (drawn["config.address"].label, drawn["config.address"].help) == ("Address", "Where it is.")
    assert (drawn["config.address"].required, drawn["config.sql"].required) == (True, False)
    assert drawn["config.mode"].value == "slow"
    assert drawn["config.table"].is_on is False
    assert by_name(drawn["config.table"].fields)["config.table.title"].value == "tickets"


def test_a_secret_is_never_drawn():
    drawn = by_name(draw(Settings, {"password": "hunter2"}, stored=["password"]))
    assert "hunter2" not in repr(drawn)
    assert drawn["config.password"].is_on is True


WHOLE: dict[str, Any] = {
    "address": "here", "sql": "SELECT 1", "size": 7, "writes": True, "mode": "fast", "words": ["a", "b c"],
    "table": {"title": "t", "columns": [{"name": "x", "type": "number"}, {"name": "y", "type": "text"}]},
}  # fmt: skip


def sent(fields: tuple[Input, ...]) -> dict[str, str]:
    """What a browser sends for these fields when nobody changes anything."""
    values: dict[str, str] = {}
    for field in fields:
        match field.kind:
            case Kind.CHECK if field.is_on:
                values[field.name] = "on"
            case Kind.GROUP | Kind.GROUPS:
                if field.is_on:
                    values[f"{field.name}.on"] = "on"
                values |= sent(field.fields)
            case Kind.CHECK | Kind.SECRET:
                pass
            case _:
                values[field.name] = field.value
    return values


def test_a_form_that_nobody_changed_means_the_same_settings():
    assert collect(Settings, typed(sent(draw(Settings, WHOLE)))) == WHOLE


@pytest.mark.parametrize("handler", list(discover()), ids=lambda handler: handler.key)
def test_every_kind_of_source_has_a_form(handler: Handler[Any]):
    fields = draw(handler.config, {})
    assert [field.name for field in fields] == [f"config.{name}" for name in handler.config.model_fields]
    assert {field.name for field in fields if field.kind is Kind.SECRET} == {
        f"config.{name}" for name in handler.secret_fields()
    }
    assert all(field.label and field.help for field in fields)


def test_what_is_left_empty_takes_its_default():
    assert collect(Settings, typed({"config.address": " ", "config.words": "\n \n", "config.size": ""})) == {
        "writes": False
    }


def test_lines_are_trimmed_and_secrets_are_not():
    found = collect(Settings, typed({"config.words": " a \r\n\r\nb", "config.password": " p "}))
    assert (found["words"], found["password"]) == (["a", "b"], " p ")


def test_a_stored_secret_stays_unless_it_is_taken_away():
    assert "password" not in collect(Settings, typed({"config.password": ""}))
    assert collect(Settings, typed({"config.password": "", "config.password.clear": "on"}))["password"] is None


def test_a_group_that_is_switched_off_is_left_out():
    values = sent(draw(Settings, WHOLE))
    del values["config.table.on"]
    assert "table" not in collect(Settings, typed(values))


def test_a_number_that_is_none_is_left_for_the_model_to_refuse():
    assert collect(Settings, typed({"config.size": "many"}))["size"] == "many"


def test_groups_are_added_and_taken_away_wherever_they_are():
    more = with_one_more({"queries": [{"name": "a"}]}, "queries")
    assert more == {"queries": [{"name": "a"}, {}]}
    deep = {"queries": [{"parameters": []}, {"parameters": [{"name": "x"}]}]}
    assert with_one_more(deep, "queries.1.parameters")["queries"][1] == {"parameters": [{"name": "x"}, {}]}
    assert with_one_fewer(deep, "queries.1.parameters.0")["queries"][1] == {"parameters": []}
    assert with_one_fewer(deep, "queries.0")["queries"] == [deep["queries"][1]]
    assert deep["queries"][1] == {"parameters": [{"name": "x"}]}, "what was given is not changed"


@pytest.mark.parametrize("path", ["queries.7.parameters", "queries.x.parameters", "queries.9", "queries.-1", "none"])
def test_a_path_that_leads_nowhere_changes_nothing_that_is_there(path: str):
    deep: dict[str, Any] = {"queries": [{"parameters": []}]}
    assert with_one_fewer(deep, path)["queries"] == deep["queries"]


def test_numbers_that_are_no_numbers_are_no_groups():
    values = {"config.table.on": "on", "config.table.columns.0.name": "a", "config.table.columns.99999.name": "b"}
    values |= {"config.table.columns.x.name": "c", "config.table.columns.٣.name": "d"}
    found = collect(Settings, typed(values))
    assert found["table"]["columns"] == [{"name": "a"}]


def test_a_setting_that_no_form_can_ask_for_is_said_so():
    class Odd(BaseModel):
        pair: tuple[tuple[int, ...], ...] = ()

    with pytest.raises(TypeError):
        draw(Odd, {})
