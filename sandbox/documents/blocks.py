"""The parts of a sample text: headings, paragraphs, list items, tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "paragraph", "item", "table", "gap"]


@dataclass(frozen=True, slots=True)
class Block:
    """One part, its marks taken off. `rows` are a table's cells, without the line below its head."""

    kind: Kind
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def blocks(text: str) -> Iterator[Block]:
    """In order. Lines of a paragraph are joined by a space."""
    lines = (line.strip() for line in text.splitlines())
    for kind, found in itertools.groupby(lines, key=_kind_of):
        match kind:
            case "heading":
                yield from (Block(kind, line.lstrip("# "), level=len(line) - len(line.lstrip("#"))) for line in found)
            case "item":
                yield from (Block(kind, line[2:]) for line in found)
            case "table":
                yield Block(kind, rows=tuple(_cells(line) for line in found if not _is_rule(line)))
            case "paragraph":
                yield Block(kind, " ".join(found))
            case "gap":
                pass


def _kind_of(line: str) -> Kind:
    if not line:
        return "gap"
    if line.startswith("#"):
        return "heading"
    if line.startswith("- "):
        return "item"
    return "table" if line.startswith("|") else "paragraph"


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip("|").split("|"))


def _is_rule(line: str) -> bool:
    return set(line) <= set("|-: ")
