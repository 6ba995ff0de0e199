"""Values as the SQL API writes them: every cell a string, or null ("Handling responses", SQL API docs)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from sandbox.snowflake.functions import strftime_format
from sandbox.world import Cell, ColumnType

_EPOCH: Final = date(1970, 1, 1)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMESTAMP: Final = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}")
_LONGEST_TEXT: Final = 16_777_216
_TYPES: Final[dict[ColumnType, str]] = {
    "NUMBER": "fixed",
    "FLOAT": "real",
    "TEXT": "text",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP_NTZ": "timestamp_ntz",
    "VARIANT": "variant",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultColumn:
    """A column of a result, as `rowType` describes it."""

    name: str
    type: ColumnType

    def row_type(self) -> dict[str, object]:
        """Its entry in `rowType`; what a type does not have is null."""
        is_text = self.type in {"TEXT", "VARIANT"}
        return {
            "name": self.name,
            "database": "",
            "schema": "",
            "table": "",
            "type": _TYPES[self.type],
            "scale": {"NUMBER": 0, "TIMESTAMP_NTZ": 9}.get(self.type),
            "precision": {"NUMBER": 38, "TIMESTAMP_NTZ": 0}.get(self.type),
            "length": _LONGEST_TEXT if is_text else None,
            "byteLength": _LONGEST_TEXT if is_text else None,
            "nullable": True,
            "collation": None,
        }


def column_of(name: str, values: Iterable[Cell], known: Mapping[str, ColumnType]) -> ResultColumn:
    """The type of a result's column: that of the table column so named if the values fit, else what they look like."""
    present = [value for value in values if value is not None]
    declared = known.get(name)
    if declared is not None and all(_can_be(value, declared) for value in present):
        return ResultColumn(name=name, type=declared)
    return ResultColumn(name=name, type=_looks_like(present))


def encoded(value: Cell, column: ResultColumn, formats: Mapping[str, str]) -> str | None:
    """One cell. `formats` are the statement's parameters `date_output_format` and the like, where it set some."""
    if value is None:
        return None
    match column.type:
        case "BOOLEAN":
            return "true" if value else "false"
        case "DATE":
            return _date(str(value), formats.get("date_output_format"))
        case "TIMESTAMP_NTZ":
            form = formats.get("timestamp_ntz_output_format") or formats.get("timestamp_output_format")
            return _timestamp(str(value), form)
        case "FLOAT":
            return repr(float(value))
        case _:
            return str(value)


def _date(text: str, form: str | None) -> str:
    day = date.fromisoformat(text)
    return f"{day:{strftime_format(form)}}" if form and form != "AUTO" else str((day - _EPOCH).days)


def _timestamp(text: str, form: str | None) -> str:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    if form and form != "AUTO":
        return f"{moment:{strftime_format(form)}}"
    return f"{int(moment.timestamp())}.{moment.microsecond * 1000:09d}"


def _can_be(value: Cell, type: ColumnType) -> bool:
    match type:
        case "NUMBER":
            return isinstance(value, int)
        case "BOOLEAN":
            return value in {0, 1}
        case "FLOAT":
            return isinstance(value, int | float)
        case "DATE":
            return isinstance(value, str) and _DATE.fullmatch(value) is not None
        case "TIMESTAMP_NTZ":
            return isinstance(value, str) and _TIMESTAMP.fullmatch(value) is not None
        case _:
            return isinstance(value, str)


def _looks_like(values: Sequence[Cell]) -> ColumnType:
    candidates: tuple[ColumnType, ...] = ("NUMBER", "FLOAT", "DATE", "TIMESTAMP_NTZ")
    for candidate in candidates:
        if values and all(_can_be(value, candidate) for value in values):
            return candidate
    return "TEXT"
