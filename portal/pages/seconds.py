"""Limits of time as people type and read them: in seconds, with decimals. Inside and in the API they are whole
milliseconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from portal.refusals import Refusal
from portal.texts.catalogue import t

_TYPED: Final = re.compile(r"[0-9]{1,5}(?:[.,][0-9]{1,6})?|[.,][0-9]{1,6}")
_NO_LENGTH: Final = 0
"""Stands for what cannot be read: no limit may be so short, so the schema refuses it as it refuses those."""


def in_seconds(length: timedelta) -> str:
    """`2.5` for 2,500 ms."""
    return f"{length.total_seconds():g}"


def limit_in_seconds(limit_ms: int | None) -> str:
    """The same for a limit as it is stored; empty where none was chosen."""
    return "" if limit_ms is None else in_seconds(timedelta(milliseconds=limit_ms))


def in_ms(typed: str) -> int | None:
    """2,500 for `2.5` and `2,5`, None where nothing was typed."""
    text = typed.strip()
    if not text:
        return None
    if _TYPED.fullmatch(text) is None:
        return _NO_LENGTH
    return round(float(text.replace(",", ".")) * 1000)


def told_in_seconds(refusal: Refusal, fields: Mapping[str, str]) -> Refusal:
    """The refusal with what is wrong with a limit said in seconds, at the field that asks for seconds. `fields` are the
    names of these fields by those of the schema."""
    problems = {fields.get(name, name): _said(name in fields, said) for name, said in refusal.fields.items()}
    return replace(refusal, fields=problems)


def _said(is_limit: bool, said: str) -> str:
    return t("common.problems.seconds") if is_limit else said
