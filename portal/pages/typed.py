"""What a form or an address's query sent, as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

_DIGITS: Final = 4


class Typed:
    """Names and values in the order they came; a name may come several times."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, otherwise: str = "") -> str:
        """The first value of this name."""
        return self._values.get(name, [otherwise])[0]

    def all(self, name: str) -> Sequence[str]:
        return self._values.get(name, [])

    def numbers_below(self, name: str) -> Sequence[int]:
        """The numbers that follow the name and a dot, in order: 0 and 2 for `queries.0.sql` and `queries.2.sql`."""
        tails = (other[len(name) + 1 :].partition(".")[0] for other in self._values if other.startswith(f"{name}."))
        return sorted({int(tail) for tail in tails if tail.isascii() and tail.isdecimal() and len(tail) <= _DIGITS})
