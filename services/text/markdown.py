"""The few forms of Markdown that the readers write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_SPACES = re.compile(r"\s+")
_DEEPEST_HEADING = 6


def one_line(text: str) -> str:
    """With every run of white space as one blank."""
    return _SPACES.sub(" ", text).strip()


def heading(text: str, level: int) -> str:
    """Level 1 to 6; "" for a heading without words."""
    words = one_line(text)
    return f"\n\n{'#' * min(max(level, 1), _DEEPEST_HEADING)} {words}\n\n" if words else ""


def paragraph(text: str) -> str:
    return f"{text.strip()}\n\n" if text.strip() else ""


def item(text: str, *, depth: int = 0, bullet: str = "-") -> str:
    """One entry of a list, `depth` lists inside another; "" for one without words."""
    words = one_line(text)
    return f"{'  ' * depth}{bullet} {words}\n" if words else ""


def table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A line at a time; the first row that holds anything is the heading. Empty rows and the empty cells at a row's end
    are left out."""
    started = False
    for row in rows:
        cells = [_cell(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        yield f"{'' if started else chr(10)}| {' | '.join(cells)} |\n"
        if not started:
            yield f"|{' --- |' * len(cells)}\n"
        started = True
    if started:
        yield "\n"


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")
