"""How benches tell what they found: a table for people, then one line of JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` percent of the values do not exceed, to three decimals."""
    ordered = sorted(values)
    rank = max(0, -(-len(ordered) * share // 100) - 1)
    return round(ordered[int(rank)], 3)


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Aligned: the first column to the left, figures to the right."""
    cells = [list(heads), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    lines = [title]
    for row in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join([first.strip().ljust(widths[0]), *others]).rstrip())
    sys.stdout.write("\n".join(lines) + "\n\n")


def print_json(figures: Mapping[str, object]) -> None:
    """The last line of a bench."""
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()
