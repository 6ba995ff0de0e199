from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from services.rendering import as_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00+00:00"),
        (b"abc", "(3 bytes)"),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        ("x" * 200_000, "x" * 99_999 + "…"),
    ],
)
def test_values_are_told_as_people_write_them(value, text):
    assert as_text(value) == text
