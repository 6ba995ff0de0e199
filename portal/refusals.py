"""Why a form was not accepted, in words for whoever filled it in, each beside the field that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeVar

from pydantic import BaseModel, ValidationError

from errors import FieldProblem, GatehouseError, Invalid
from portal.texts.catalogue import t
from schemas.fields import plain_message
from web.waits import in_words, wait_after

ModelT = TypeVar("ModelT", bound=BaseModel)

_SPOKEN: Final = (
    (re.compile(r"Field required|String should have at least 1 character|Input should be a valid string"), "needed"),
    (re.compile(r"String should match pattern .*"), "form"),
    (re.compile(r"(?:String|Value|Tuple|List) should have at most (?P<count>\d+) .*"), "long"),
    (re.compile(r"(?:String|Value|Tuple|List) should have at least (?P<count>\d+) .*"), "short"),
    (re.compile(r"Input should be '.*"), "choose"),
    (re.compile(r"Input should be a valid integer.*"), "number"),
)
"""What pydantic says to programmers, and the name of the text that says it to people."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What stands on top of the form and at its fields."""

    message: str
    status: int
    fields: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    """Problems of fields that the form does not show."""
    wait: str = ""
    """After how long it may be sent again, where that is why it was refused: `15 minutes`."""

    @classmethod
    def of(cls, error: GatehouseError, shown: Iterable[str] | None = None) -> Self:
        """`shown` are the names of the form's fields; left out, every problem is thought to be at one of them."""
        problems = {one.field: spoken(one.message) for one in getattr(error, "problems", ())}
        names = frozenset(problems if shown is None else shown)
        others = tuple(f"{name}: {message}" for name, message in problems.items() if name not in names)
        told, wait = {name: problems[name] for name in problems if name in names}, wait_after(error)
        return cls(error.message, error.status, told, others, "" if wait is None else in_words(wait))


def parse(model: type[ModelT], values: Mapping[str, Any]) -> ModelT:
    """The model out of what was typed. Raises Invalid with every wrong field, none of which is repeated."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        problems = [
            FieldProblem(".".join(str(part) for part in one["loc"]), spoken(plain_message(one["msg"]))) for one in found
        ]
        raise Invalid(t("common.problems.fields"), problems) from None


def spoken(message: str) -> str:
    """The message in the words of our catalogue, if it is one of pydantic's own; else as a sentence."""
    for pattern, name in _SPOKEN:
        match = pattern.fullmatch(message)
        if match is not None:
            return t(f"common.problems.{name}", **match.groupdict())
    sentence = message[:1].upper() + message[1:]
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."
