"""axe-core on the page that is open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_AXE = Path(__file__).parent.parent.parent / "node_modules" / "axe-core" / "axe.min.js"
_SERIOUS = frozenset({"serious", "critical"})


def serious_findings(page: Page) -> list[str]:
    """One line each: the rule and the elements. The page's policy lets no script in, so axe comes in by the debugging
    protocol."""
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    result: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']}: {[node['target'] for node in found['nodes']]}"
        for found in result["violations"]
        if found["impact"] in _SERIOUS
    ]
