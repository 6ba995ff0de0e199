"""Writes what the documentation says about settings from the settings themselves: `python -m scripts.generate_docs`.

Between `<!-- settings -->` and `<!-- /settings -->` of docs/configuration.md and of each page under docs/sources/, and
the whole of .env.template. With --check nothing is written, and the exit code is 1 if something is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from config import Settings
from handlers.base import Handler
from handlers.registry import discover

ROOT: Final = Path(__file__).resolve().parent.parent

_MARKED: Final = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)
_HEADER: Final = """\
# Copy this file to .env and change what you need. The environment wins over .env, .env over the defaults.
# Lines show the defaults; remove the # of those you change. Empty means what the comment says.
"""


def main(arguments: list[str]) -> int:
    stale = [path for path, text in _generated() if not path.exists() or path.read_text() != text]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run `make docs`.\n")
        return 1 if stale else 0
    for path, text in _generated():
        path.write_text(text)
    return 0


def _generated() -> Iterator[tuple[Path, str]]:
    yield ROOT / ".env.template", _template()
    yield _page(ROOT / "docs" / "configuration.md", _settings_table())
    for handler in discover():
        yield _page(ROOT / "docs" / "sources" / f"{handler.key}.md", _handler_table(handler))


def _page(path: Path, table: str) -> tuple[Path, str]:
    text = path.read_text()
    if not _MARKED.search(text):
        raise SystemExit(f"{path.relative_to(ROOT)} has no <!-- settings --> markers.")
    return path, _MARKED.sub(lambda match: f"{match[1]}{table}{match[2]}", text)


def _template() -> str:
    blocks = [_HEADER]
    blocks += [
        f"# {info.description}\n#{name.upper()}={_default(info.default)}\n"
        for name, info in Settings.model_fields.items()
        if name != "node_channel_fd"  # PM2 sets it; nobody else should
    ]
    return "\n".join(blocks)


def _settings_table() -> str:
    rows = ["| variable | default | what it does |", "|---|---|---|"]
    rows += [
        f"| `{name.upper()}` | {_code(_default(info.default))} | {_cell(info.description)} |"
        for name, info in Settings.model_fields.items()
    ]
    return "\n".join(rows) + "\n"


def _handler_table(handler: Handler[Any]) -> str:
    secrets = handler.secret_fields()
    rows = ["| setting | needed | what it is |", "|---|---|---|"]
    for name, info in handler.config.model_fields.items():
        marks = " (secret)" if name in secrets else ""
        needed = "yes" if info.is_required() else "no"
        rows.append(f"| `{name}`{marks} | {needed} | **{_cell(info.title)}**: {_cell(info.description)} |")
    return "\n".join(rows) + "\n"


def _default(value: object) -> str:
    """As it is written in .env."""
    match value:
        case None | () | "":
            return ""
        case bool():
            return str(value).lower()
        case _ if hasattr(value, "get_secret_value"):
            return ""
        case _ if hasattr(value, "total_seconds"):
            seconds = int(value.total_seconds())
            days, rest = divmod(seconds, 86_400)
            return "" if not seconds else f"{seconds}s" if rest else f"{days}d"
        case _:
            return str(value)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
