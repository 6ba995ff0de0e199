"""Reads the data files of a sample: records of `Name: value` lines, an empty line, and a text.

    Id: harbour-1
    Subject: Warm pallet in Rotterdam
    Attach: excursion-report.pdf
    Attach: readings.xlsx

    Hello Ann, ...
    =====
    Id: harbour-2
    ...

Several records stand in one file, with a line of five equals signs between them. A name may come more than once. A line
`{{general-terms.md}}` in a text stands for the text of that file, which lies beside the one that names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BETWEEN: Final = re.compile(r"^=====\n", re.MULTILINE)
_HEAD: Final = re.compile(r"([A-Z][A-Za-z-]*):[ ]*(.*)")
_INSERT: Final = re.compile(r"^\{\{(.+)\}\}$", re.MULTILINE)


class RecordProblem(Exception):
    """A data file that cannot be read; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record and the file it stands in."""

    file: Path
    values: Mapping[str, Sequence[str]]
    text: str

    def get(self, name: str) -> str:
        """The value of a name that comes exactly once. Raises RecordProblem."""
        found = self.values.get(name, ())
        if len(found) != 1:
            raise RecordProblem(f"{self.file}: a record has {len(found)} times {name!r} instead of once")
        return found[0]

    def find(self, name: str, default: str = "") -> str:
        """The value of a name that may be missing."""
        return self.get(name) if name in self.values else default

    def list(self, name: str) -> Sequence[str]:
        """All values of a name, in order."""
        return self.values.get(name, ())


def read_records(file: Path) -> Iterator[Record]:
    """The records of a file, in order. Raises RecordProblem."""
    for part in _BETWEEN.split(file.read_text(encoding="utf-8")):
        head, _, text = part.strip("\n").partition("\n\n")
        values: dict[str, list[str]] = {}
        for line in head.splitlines():
            found = _HEAD.fullmatch(line)
            if found is None:
                raise RecordProblem(f"{file}: {line[:40]!r} is no `Name: value`")
            values.setdefault(found[1], []).append(found[2].strip())
        yield Record(file=file, values=values, text=_with_inserts(text.strip(), file.parent))


def _with_inserts(text: str, folder: Path) -> str:
    return _INSERT.sub(lambda found: (folder / found[1]).read_text(encoding="utf-8").strip(), text)
