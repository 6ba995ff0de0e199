"""Field types that several of our messages share, and how a validation error is told."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]+")
_LINE_ENDS: Final = re.compile(r"[\t\n\r\u2028\u2029]")
_INVISIBLE: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


class Message(BaseModel):
    """A request's body: unknown fields are refused, so that a typing error is not silently ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Reply(BaseModel):
    """What we answer."""

    model_config = ConfigDict(frozen=True)


def without_controls(text: str) -> str:
    """The text with every run of control characters turned into one space."""
    return _CONTROLS.sub(" ", text)


def _visible(text: str) -> str:
    if _INVISIBLE.search(text):
        raise ValueError("Remove control characters and invisible characters")
    return text


def _on_one_line(text: str) -> str:
    if _LINE_ENDS.search(text):
        raise ValueError("Write it on one line")
    return text


Name = Annotated[
    str, StringConstraints(min_length=1, max_length=100), AfterValidator(_visible), AfterValidator(_on_one_line)
]
"""What people call their things: 1 to 100 characters that can be seen, on one line."""

Prose = Annotated[str, StringConstraints(max_length=4_000), AfterValidator(_visible)]


def explain(error: ValidationError) -> str:
    """What is wrong, without what was typed: `email: value is not a valid email address; status: ...`."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'all'}: {plain_message(problem['msg'])}"
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    )


def plain_message(message: str) -> str:
    """Pydantic's message without its prefix."""
    return message.removeprefix("Value error, ")
