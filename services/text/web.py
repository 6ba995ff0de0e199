"""HTML, by lxml: what a reader would see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree  # type: ignore[import-untyped] # lxml has no types

from services.text.charsets import decode
from services.text.extracted import File, Note, Piece
from services.text.markdown import heading, one_line, table

_DROPPED = frozenset({
    "script", "style", "noscript", "template", "head", "svg", "math", "object", "embed", "iframe", "canvas", "audio",
    "video", "select", "button", "input", "textarea",
})  # fmt: skip
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "html", "legend", "li", "main", "nav",
    "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_LINKED = ("https://", "http://", "mailto:")
_LONGEST_LINK = 300
"""Longer ones are mostly for counting readers, and would use the room up."""
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_.:-]{2,40})", re.IGNORECASE)
_META_WITHIN_BYTES = 4_096
_SPACES = re.compile(r"[ \t\r\n\f]+")


def read(file: File) -> Iterator[Piece]:
    declared = file.charset
    if declared is None and (found := _META_CHARSET.search(file.data[:_META_WITHIN_BYTES])):
        declared = found[1].decode("ascii")
    yield from render(decode(file.data, declared))


def render(html: str) -> Iterator[Piece]:
    """The text of a page or a fragment. What is nested too deep for libxml2 (250 elements) is left out with a note."""
    parser = etree.HTMLParser(recover=True, no_network=True, remove_comments=True, remove_pis=True, encoding="utf-8")
    # Lone surrogates can be in a str, but in no charset.
    root = etree.fromstring(html.encode("utf-8", "replace"), parser)
    if root is None:
        return
    title = root.findtext("head/title")
    yield heading(title or "", 1)
    writer = _Writer()
    yield from writer.element(root)
    yield from writer.flush()
    if any("depth" in entry.message for entry in parser.error_log):
        yield Note("elements nested too deeply were left out.")


class _Writer:
    """Gathers inline text until a block ends."""

    def __init__(self) -> None:
        self._line: list[str] = []
        self._prefix = ""
        self._depth = 0

    def flush(self, ending: str = "\n\n") -> Iterator[str]:
        words = "\n".join(_SPACES.sub(" ", line).strip() for line in "".join(self._line).split("\v")).strip()
        self._line.clear()
        if words:
            yield f"{self._prefix}{words}{ending}"
            self._prefix = ""

    def element(self, node: etree._Element) -> Iterator[str]:
        tag = node.tag
        if not isinstance(tag, str) or tag in _DROPPED or _is_hidden(node):
            return
        if tag in _HEADINGS:
            yield from self.flush()
            yield heading("".join(_visible_text(node)), _HEADINGS[tag])
        elif tag == "pre":
            yield from self.flush()
            yield f"```\n{''.join(_visible_text(node)).strip(chr(10))}\n```\n\n"
        elif tag == "table" and _is_data(node):
            yield from self.flush()
            yield from table(_rows(node))
        elif tag in ("ul", "ol"):
            yield from self._list(node)
        elif tag in _BLOCKS:
            yield from self.flush()
            yield from self._children(node)
            yield from self.flush()
        else:
            yield from self._inline(node, tag)

    def _children(self, node: etree._Element) -> Iterator[str]:
        self._line.append(_plain(node.text))
        for child in node:
            yield from self.element(child)
            self._line.append(_plain(child.tail))

    def _inline(self, node: etree._Element, tag: str) -> Iterator[str]:
        if tag == "br":
            self._line.append("\v")
        elif tag == "hr":
            yield from self.flush()
            yield "---\n\n"
        elif tag == "img":
            self._line.append(_plain(node.get("alt")))
        elif tag == "a" and not any(child.tag in _BLOCKS for child in node.iter()):
            self._line.append(_link(node))
        else:
            yield from self._children(node)

    def _list(self, node: etree._Element) -> Iterator[str]:
        yield from self.flush("\n" if self._depth else "\n\n")
        number = 0
        for child in node:
            if child.tag != "li":
                yield from self.element(child)
                continue
            number += 1
            self._prefix = f"{'  ' * self._depth}{f'{number}.' if node.tag == 'ol' else '-'} "
            self._depth += 1
            yield from self._entry(child)
            self._depth -= 1
            self._prefix = ""
        if not self._depth:
            yield "\n"

    def _entry(self, node: etree._Element) -> Iterator[str]:
        if _is_hidden(node):
            return
        for text in self._children(node):
            yield text.removesuffix("\n") if text.endswith("\n\n") else text
        yield from self.flush("\n")


def _rows(node: etree._Element) -> Iterator[list[str]]:
    for row in node.iter("tr"):
        if not _is_hidden(row):
            yield ["".join(_visible_text(cell)) for cell in row if cell.tag in ("td", "th")]


def _is_data(node: etree._Element) -> bool:
    """Whether a table holds data; in mails most of them only arrange blocks."""
    if next(node.iterdescendants("table"), None) is not None:
        return False
    widths = [sum(cell.tag in ("td", "th") for cell in row) for row in node.iter("tr")]
    return len(widths) > 1 and max(widths) > 1


def _link(node: etree._Element) -> str:
    words = one_line("".join(_visible_text(node)))
    address = (node.get("href") or "").strip()
    if not words or not address.lower().startswith(_LINKED) or len(address) > _LONGEST_LINK:
        return words
    return words if address in (words, f"mailto:{words}") else f"[{words}]({address})"


def _visible_text(node: etree._Element) -> Iterator[str]:
    yield node.text or ""
    for child in node:
        if isinstance(child.tag, str) and child.tag not in _DROPPED and not _is_hidden(child):
            if child.tag == "br":
                yield "\n"
            elif child.tag == "img":
                yield child.get("alt") or ""
            yield from _visible_text(child)
            yield " " if child.tag in _BLOCKS else ""
        yield child.tail or ""


def _is_hidden(node: etree._Element) -> bool:
    return node.get("hidden") is not None or _HIDDEN.search(node.get("style") or "") is not None


def _plain(text: str | None) -> str:
    """The text, without the character that stands for a line break here."""
    return (text or "").replace("\v", " ")
