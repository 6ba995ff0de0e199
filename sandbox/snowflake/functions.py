"""Functions that Snowflake has and SQLite lacks, or means otherwise. Dates and times are ISO text inside."""

from __future__ import annotations

import calendar
import re
import sqlite3
import statistics
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from sandbox.behaviour import Clock
from sandbox.words import words_of
from sandbox.world import Cell

_ANY_NUMBER: Final = -1
_MONTHS: Final = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_FORMATS: Final = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "HH24": "%H", "MI": "%M", "SS": "%S", "MON": "%b", "DY": "%a"}


def install(connection: sqlite3.Connection, clock: Clock, session: Mapping[str, str]) -> None:
    """Registers them all. `session` is what CURRENT_USER() and the like answer, by function name."""
    for name, (arguments, function) in _SCALARS.items():
        connection.create_function(name, arguments, function, deterministic=True)
    for name, value in session.items():
        connection.create_function(name, 0, lambda value=value: value)
    connection.create_function("SF_CURRENT_DATE", 0, lambda: f"{clock():%Y-%m-%d}")
    connection.create_function("SF_CURRENT_TIMESTAMP", 0, lambda: f"{clock():%Y-%m-%d %H:%M:%S}")
    connection.create_aggregate("LISTAGG", _ANY_NUMBER, _ListAgg)  # type: ignore[arg-type]  # typeshed: whole numbers only
    connection.create_aggregate("MEDIAN", 1, _Median)  # type: ignore[arg-type]  # likewise
    connection.create_aggregate("COUNT_IF", 1, _CountIf)


def _like(pattern: Cell, value: Cell, escape: Cell = None) -> bool | None:
    """LIKE with case, as Snowflake has it; SQLite calls it with the pattern first."""
    return _matches(pattern, value, escape, re.DOTALL)


def _ilike(pattern: Cell, value: Cell) -> bool | None:
    return _matches(pattern, value, None, re.DOTALL | re.IGNORECASE)


def _matches(pattern: Cell, value: Cell, escape: Cell, flags: int) -> bool | None:
    if pattern is None or value is None:
        return None
    return _pattern(str(pattern), None if escape is None else str(escape), flags).fullmatch(str(value)) is not None


@lru_cache(maxsize=256)
def _pattern(pattern: str, escape: str | None, flags: int) -> re.Pattern[str]:
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            parts.append(re.escape(next(characters, "")))
        else:
            parts.append({"%": ".*", "_": "."}.get(character, re.escape(character)))
    return re.compile("".join(parts), flags)


def _search(*arguments: Cell) -> bool:
    """SEARCH(columns, words): any of the words; all of them with SEARCH_MODE => 'AND'."""
    named = [str(value) for value in arguments if str(value).startswith(("SEARCH_MODE=>", "ANALYZER=>"))]
    *columns, wanted = [value for value in arguments if str(value) not in named]
    present = {word for column in columns for word in words_of(str(column or ""))}
    asked = words_of(str(wanted or ""))
    every = "SEARCH_MODE=>AND" in (name.upper() for name in named)
    return bool(asked) and (all if every else any)(word in present for word in asked)


def _moment(value: Cell) -> datetime:
    return datetime.fromisoformat(str(value))


def _text_of(moment: datetime, like: Cell) -> str:
    """As a date if it was one."""
    return f"{moment:%Y-%m-%d}" if len(str(like)) == len("2026-01-01") else f"{moment:%Y-%m-%d %H:%M:%S}"


def _dateadd(part: str, number: Cell, value: Cell) -> str | None:
    if value is None or number is None:
        return None
    moment, count, name = _moment(value), int(number), _part(part)
    if name in _MONTHS:
        months = moment.year * 12 + moment.month - 1 + count * _MONTHS[name]
        year, month = divmod(months, 12)
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        return _text_of(moment.replace(year=year, month=month + 1, day=day), value)
    moved = moment + count * timedelta(**{f"{name.lower()}s": 1})
    return _text_of(moved, value if name in {"DAY", "WEEK"} else f"{moved:%Y-%m-%d %H:%M:%S}")


def _datediff(part: str, first: Cell, second: Cell) -> int | None:
    """How many boundaries of that part lie between the two."""
    if first is None or second is None:
        return None
    low, high, name = _moment(first), _moment(second), _part(part)
    if name in _MONTHS:
        size = _MONTHS[name]
        return (high.year * 12 + high.month - 1) // size - (low.year * 12 + low.month - 1) // size
    if name in {"DAY", "WEEK"}:
        days = (high.date() - low.date()).days
        return days if name == "DAY" else (high.date() - _monday(low.date())).days // 7
    seconds = int((high - low).total_seconds())
    return seconds // {"HOUR": 3600, "MINUTE": 60, "SECOND": 1}[name]


def _date_trunc(part: str, value: Cell) -> str | None:
    if value is None:
        return None
    moment, name = _moment(value), _part(part)
    midnight = moment.replace(hour=0, minute=0, second=0)
    if name in _MONTHS:
        month = (moment.month - 1) // _MONTHS[name] * _MONTHS[name] + 1
        return _text_of(midnight.replace(month=month, day=1), value)
    if name == "WEEK":
        return _text_of(datetime.combine(_monday(moment.date()), datetime.min.time()), value)
    return _text_of({"DAY": midnight, "HOUR": moment.replace(minute=0, second=0)}.get(name, moment), value)


def _date_part(part: str, value: Cell) -> int | None:
    if value is None:
        return None
    moment, name = _moment(value), _part(part)
    if name == "QUARTER":
        return (moment.month + 2) // 3
    if name == "WEEK":
        return moment.isocalendar().week
    found: int = getattr(moment, name.lower())
    return found


def _part(part: str) -> str:
    return part.upper().removesuffix("S")


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _to_char(value: Cell, form: str = "") -> str | None:
    if value is None or not form:
        return None if value is None else str(value)
    return f"{_moment(value):{strftime_format(form)}}"


def strftime_format(form: str) -> str:
    """Snowflake's date format as strftime's: `YYYY-MM-DD"T"HH24:MI:SS`."""
    pattern = "|".join(sorted(_FORMATS, key=len, reverse=True)) + '|"'
    return re.sub(pattern, lambda found: _FORMATS.get(found[0], ""), form)


def _split_part(value: Cell, separator: Cell, number: Cell) -> str | None:
    if value is None:
        return None
    parts = str(value).split(str(separator))
    index = int(number or 1) - 1 if int(number or 1) > 0 else int(number or 1)
    return parts[index] if -len(parts) <= index < len(parts) else ""


class _ListAgg:
    def __init__(self) -> None:
        self._values: list[str] = []
        self._separator = ""

    def step(self, value: Cell, separator: Cell = "") -> None:
        self._separator = str(separator)
        if value is not None:
            self._values.append(str(value))

    def finalize(self) -> str:
        return self._separator.join(self._values)


class _Median:
    def __init__(self) -> None:
        self._values: list[float] = []

    def step(self, value: Cell) -> None:
        if value is not None:
            self._values.append(float(value))

    def finalize(self) -> float | None:
        return statistics.median(self._values) if self._values else None


class _CountIf:
    def __init__(self) -> None:
        self._count = 0

    def step(self, value: Cell) -> None:
        self._count += bool(value)

    def finalize(self) -> int:
        return self._count


_SCALARS: Final[dict[str, tuple[int, Callable[..., Cell]]]] = {
    "LIKE": (_ANY_NUMBER, _like),
    "REGEXP": (2, _ilike),
    "SEARCH": (_ANY_NUMBER, _search),
    "DATEADD": (3, _dateadd),
    "DATEDIFF": (3, _datediff),
    "DATE_TRUNC": (2, _date_trunc),
    "DATE_PART": (2, _date_part),
    "YEAR": (1, lambda value: _date_part("YEAR", value)),
    "QUARTER": (1, lambda value: _date_part("QUARTER", value)),
    "MONTH": (1, lambda value: _date_part("MONTH", value)),
    "DAY": (1, lambda value: _date_part("DAY", value)),
    "TO_DATE": (1, lambda value: None if value is None else str(value)[:10]),
    "TO_CHAR": (_ANY_NUMBER, _to_char),
    "TO_VARCHAR": (_ANY_NUMBER, _to_char),
    "IFF": (3, lambda test, yes, no: yes if test else no),
    "NVL": (2, lambda value, other: other if value is None else value),
    "ZEROIFNULL": (1, lambda value: 0 if value is None else value),
    "CONTAINS": (2, lambda value, part: None if value is None or part is None else str(part) in str(value)),
    "STARTSWITH": (2, lambda value, part: None if value is None or part is None else str(value).startswith(str(part))),
    "SPLIT_PART": (3, _split_part),
    "SF_LEFT": (2, lambda value, count: None if value is None else str(value)[: int(count)]),
    "SF_RIGHT": (2, lambda value, count: None if value is None else str(value)[-int(count) :] if int(count) else ""),
    "SF_REPLACE": (
        _ANY_NUMBER,
        lambda value, old, new="": None if value is None else str(value).replace(str(old), str(new)),
    ),
    "LEN": (1, lambda value: None if value is None else len(str(value))),
    "CONCAT": (_ANY_NUMBER, lambda *values: None if None in values else "".join(str(value) for value in values)),
    "SYSTEM_WAIT": (_ANY_NUMBER, lambda seconds, unit="SECONDS": f"waited {seconds} {unit.lower()}"),
}
