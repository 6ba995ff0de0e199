"""The documentation, where it repeats what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands import _parser
from handlers.registry import discover
from scripts.generate_docs import main as generate_docs

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_what_is_generated_is_fresh():
    assert generate_docs(["--check"]) == 0


@pytest.mark.parametrize("handler", list(discover()), ids=lambda handler: handler.key)
def test_each_kind_of_source_has_a_page_that_the_overview_leads_to(handler):
    overview = (ROOT / "docs" / "sources" / "README.md").read_text()
    assert f"({handler.key}.md)" in overview


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_command_is_described():
    described = (ROOT / "docs" / "commands.md").read_text()
    offered = re.search(r"\{([a-z,-]+)\}", _parser().format_usage())
    names = offered[1].split(",") if offered else re.findall(r"^    ([a-z-]+) ", _parser().format_help(), re.MULTILINE)
    assert names
    assert [name for name in names if f"`{name}" not in described] == []
