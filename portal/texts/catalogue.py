"""The texts by name: `t("sources.list.title")` is `title` under `[list]` in sources.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

_FOLDER: Final = Path(__file__).parent


def t(key: str, **values: object) -> str:
    """The text, with what stands in {braces} put in; its caller escapes it. Raises KeyError for one that is not
    there."""
    text = texts()[key]
    return text.format_map(values) if values else text


@cache
def texts() -> Mapping[str, str]:
    return {
        key: text
        for file in sorted(_FOLDER.glob("*.toml"))
        for key, text in _flat(file.stem, tomllib.loads(file.read_text(encoding="utf-8")))
    }


def _flat(name: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, str):
            yield f"{name}.{key}", value
        else:
            yield from _flat(f"{name}.{key}", value)
