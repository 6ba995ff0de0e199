"""Every type of a result set, as the SQL API writes it."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest

from services.snowflake.cells import Column, decode

INDIA = timezone(timedelta(hours=5, minutes=30))
NEWFOUNDLAND = timezone(-timedelta(hours=3, minutes=30))


@pytest.mark.parametrize(
    ("kind", "scale", "cell", "value"),
    [
        ("fixed", 0, "42", 42),
        ("fixed", 0, "-99999999999999999999999999999999999999", -(10**38 - 1)),
        ("fixed", 2, "10.50", Decimal("10.50")),
        ("number", 0, "7", 7),
        ("decfloat", 0, "1.5E+100", Decimal("1.5E+100")),
        ("real", 0, "0.1", 0.1),
        ("float", 0, "1e-7", 1e-7),
        ("double", 0, "-inf", -math.inf),
        ("boolean", 0, "true", True),
        ("boolean", 0, "false", False),
        ("date", 0, "0", date(1970, 1, 1)),
        ("date", 0, "18262", date(2020, 1, 1)),
        ("date", 0, "-1", date(1969, 12, 31)),
        ("time", 0, "82919.000000000", time(23, 1, 59)),
        ("time", 0, "0.123456789", time(0, 0, 0, 123456)),
        ("timestamp_ntz", 0, "1616173619.000000000", datetime(2021, 3, 19, 17, 6, 59, tzinfo=None)),  # noqa: DTZ001 - NTZ has none
        ("timestamp_ltz", 0, "1616173619.987654321", datetime(2021, 3, 19, 17, 6, 59, 987654, tzinfo=UTC)),
        ("timestamp_ltz", 0, "-1.500000000", datetime(1969, 12, 31, 23, 59, 58, 500000, tzinfo=UTC)),
        ("timestamp_tz", 0, "1616173619.000000000 1770", datetime(2021, 3, 19, 22, 36, 59, tzinfo=INDIA)),
        ("timestamp_tz", 0, "1616173619.000000000 1230", datetime(2021, 3, 19, 13, 36, 59, tzinfo=NEWFOUNDLAND)),
        ("text", 0, "true", "true"),
        ("text", 0, "", ""),
        ("variant", 0, '{"a": [1, null]}', {"a": [1, None]}),
        ("variant", 0, '"text"', "text"),
        ("object", 0, "{}", {}),
        ("array", 0, "[1, 2]", [1, 2]),
        ("map", 0, '{"k": 1}', {"k": 1}),
        ("vector", 0, "[0.5,1.5]", [0.5, 1.5]),
        ("geography", 0, '{"coordinates": [1, 2], "type": "Point"}', {"coordinates": [1, 2], "type": "Point"}),
        ("binary", 0, "CAFE00", b"\xca\xfe\x00"),
        ("a_type_of_tomorrow", 0, "whatever", "whatever"),
    ],
)
def test_a_cell_becomes_the_value_it_stands_for(kind, scale, cell, value):
    decoded = decode(Column("C", kind, scale), cell)
    assert decoded == value
    assert type(decoded) is type(value)


def test_a_zone_is_kept_and_not_only_the_moment():
    decoded = decode(Column("C", "timestamp_tz", 0), "1616173619.000000000 1770")
    assert isinstance(decoded, datetime)
    assert decoded.utcoffset() == timedelta(hours=5, minutes=30)


def test_what_is_no_number_stays_none():
    assert math.isnan(decode(Column("C", "real", 0), "NaN"))  # type: ignore[arg-type]  # a float


@pytest.mark.parametrize("kind", ["fixed", "real", "boolean", "date", "timestamp_tz", "variant", "binary", "text"])
def test_null_is_none_in_every_type(kind):
    assert decode(Column("C", kind, 0), None) is None


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("date", "2932897"),  # 10000-01-01: later than Python can say
        ("timestamp_ntz", "253402300800.000000000"),
        ("timestamp_tz", "1616173619.000000000"),
        ("timestamp_tz", "1616173619.000000000 99999"),
        ("fixed", "ten"),
        ("decfloat", "x"),
        ("variant", "undefined"),
        ("geography", "POINT(1 2)"),
        ("binary", "yv4A"),
        ("boolean", "maybe"),
        ("time", ""),
    ],
)
def test_what_cannot_be_read_stays_the_string_it_was(kind, cell):
    assert decode(Column("C", kind, 0), cell) == cell
