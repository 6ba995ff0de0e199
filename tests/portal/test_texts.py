"""The catalogue of texts and the icons: whatever a page asks for is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handlers.registry import discover
from portal.texts.catalogue import t, texts
from web.icons import ICONS

PORTAL = Path(__file__).parent.parent.parent / "portal"
_SAID = re.compile(r"""\bt\(\s*f?["']([a-z_]+(?:\.[a-z_]+)+)["']""")
_ICON = re.compile(r"""\bicon\("([a-z0-9-]+)"\)""")


def sources() -> list[str]:
    files = [*PORTAL.glob("templates/**/*.html"), *PORTAL.glob("**/*.py")]
    return [file.read_text(encoding="utf-8") for file in files]


def test_every_text_that_is_asked_for_is_there():
    asked = {key for text in sources() for key in _SAID.findall(text)}
    assert len(asked) > 100
    assert asked - set(texts()) == set()


def test_every_icon_that_is_asked_for_is_there():
    asked = {name for text in sources() for name in _ICON.findall(text)}
    assert asked
    assert asked <= set(ICONS)


def test_every_kind_of_source_has_an_icon_that_is_there():
    assert {handler.icon for handler in discover()} <= set(ICONS)


def test_values_are_put_in_and_braces_in_them_stay():
    assert t("sources.deleted", name="{0} {name}") == "{0} {name} is deleted, and its secrets are destroyed."


def test_a_text_that_is_missing_is_an_error():
    with pytest.raises(KeyError):
        t("sources.nothing_like_that")
