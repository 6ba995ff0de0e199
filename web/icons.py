"""The icons that pages may use: Tabler's outlines, put together into one picture that browsers load once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

ICONS: Final = (
    "activity", "adjustments", "alert-circle", "alert-triangle", "api", "arrow-left", "arrow-right", "ban", "book",
    "brand-openai", "brand-vscode", "calendar", "chart-line", "check", "chevron-down", "chevron-right", "circle-check",
    "circle-dashed", "circle-x", "clock", "code", "copy", "cursor-text", "database", "device-desktop", "device-mobile",
    "door-exit", "dots", "download", "external-link", "eye", "file-text", "filter", "home", "info-circle", "key",
    "link", "lock", "logout", "mail", "menu-2", "message-chatbot", "moon", "package", "pencil", "player-pause",
    "player-play", "plug", "plug-connected", "plug-x", "plus", "refresh", "robot", "route", "search", "server-2",
    "settings", "shield-check", "shield-lock", "snowflake", "sun", "sun-moon", "table", "terminal-2", "tool", "trash",
    "user", "user-plus", "users", "world", "x",
)  # fmt: skip

_SHAPE: Final = re.compile(r"<(?:path|circle|rect|line|polyline|ellipse)\b[^>]*>")
_INVISIBLE: Final = 'stroke="none"'


def sprite(folder: Path, names: Iterable[str] = ICONS) -> str:
    """One SVG with a symbol per icon; empty symbols where the package is not installed."""
    symbols = (f'<symbol id="{name}" viewBox="0 0 24 24">{_shapes(folder / f"{name}.svg")}</symbol>' for name in names)
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>'


def _shapes(file: Path) -> str:
    """What is drawn; Tabler's first path only reserves the square."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return "".join(shape for shape in _SHAPE.findall(text) if _INVISIBLE not in shape)
