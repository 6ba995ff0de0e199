"""The guides of docs/sources as pages, beside the forms that they explain."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from errors import NotFound
from portal.pages.screen import Anyone
from portal.texts.catalogue import t

router = APIRouter(prefix="/guides", include_in_schema=False)

_FOLDER: Final = Path(__file__).parent.parent.parent / "docs" / "sources"
_TABLE_OPEN: Final = Markup('<div class="table-wrap" tabindex="0" role="group" aria-label="{}"><table>').format(
    t("common.table")
)
"""A table too wide for a phone is scrolled by itself, also with the keyboard."""
_GUIDE: Final = re.compile(r"(?:\./)?([a-z][a-z0-9_]{1,30})\.md(#[\w-]+)?")


@router.get("/{kind}")
async def guide(kind: str, screen: Anyone) -> Response:
    if not has_guide(kind):
        raise NotFound("There is no such guide.")
    title, text = _rendered(kind)
    return screen.page("guide.html", {"title": title, "text": text})


@cache
def _guides() -> frozenset[str]:
    return frozenset(file.stem for file in _FOLDER.glob("[a-z]*.md"))


def has_guide(kind: str) -> bool:
    return kind in _guides()


@cache
def _rendered(kind: str) -> tuple[str, Markup]:
    """Its title and its text as HTML. No HTML in a guide is taken as such."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("table_open", lambda *_: _TABLE_OPEN)
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = markdown.parse((_FOLDER / f"{kind}.md").read_text(encoding="utf-8"))
    for token in tokens:
        for child in token.children or ():
            _relink(child)
    title = tokens[1].content if tokens[0].type == "heading_open" else kind
    return title, Markup(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S704 - our own files


def _relink(token: Token) -> None:
    """Links to other guides lead to their pages. Other files of the documentation are not served here."""
    href = token.attrGet("href")
    if token.type != "link_open" or not isinstance(href, str):
        return
    other = _GUIDE.fullmatch(href)
    if other is not None and has_guide(other[1]):
        token.attrSet("href", f"/guides/{other[1]}{other[2] or ''}")
    elif href.startswith(("https://", "http://")):
        token.attrSet("rel", "noreferrer")
        token.attrSet("target", "_blank")
    elif not href.startswith("#"):
        del token.attrs["href"]
