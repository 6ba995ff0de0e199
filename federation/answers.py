"""From ranked hits and documents to what agents get: cut to size, and with links that a reader can open or none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from federation.ranking.merging import Place
from federation.ranking.ranking import Ranked
from handlers.base import Document, Hit
from schemas.answers import FetchAnswer, Origin, SearchAnswer, SearchResult, SourceReport

LONGEST_TEXT: Final = 100_000
"""Characters of a document's text, the note about a cut included."""
LONGEST_SNIPPET: Final = 300
LONGEST_TITLE: Final = 300

_ROOM_FOR_NOTE: Final = 100
_PER_ENTRY_BYTES: Final = 600
_NOT_IN_ADDRESSES: Final = frozenset(' <>"\\')
PLAIN_PAGE: Final = re.compile(r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?:/[!#-;=?-\[\]-~]*)?")
"""How most addresses look: those that do all open, and need not be taken apart, which takes ten times as long."""


def presentable(hit: Hit) -> Hit:
    """The hit as a source gave it, in characters that can be sent and with a page that opens or none. Raises what
    Python raises for values of wrong types."""
    return Hit(
        id=_whole(hit.id),
        title=_title(hit.title),
        url=_web_page(hit.url),
        text=None if hit.text is None else _whole(hit.text),
        updated_at=None if hit.updated_at is None else hit.updated_at.astimezone(UTC),
        facts=hit.facts,
    )


def presentable_text(text: str) -> str:
    """The same for a text alone."""
    return _whole(text)


def presentable_document(document: Document) -> Document:
    """The same for a document, its text cut to what is shown."""
    return replace(
        document,
        title=_title(document.title),
        url=_web_page(document.url),
        text=_cut(_whole(document.text)),
        metadata={_whole(name): _whole(value) for name, value in document.metadata.items()},
    )


def size_of_hits(hits: Sequence[Hit]) -> int:
    """About how many bytes they hold."""
    return sum(_PER_ENTRY_BYTES + 2 * (len(hit.title) + len(hit.text or "") + len(hit.url)) for hit in hits)


def size_of_document(document: Document) -> int:
    """About how many bytes it holds."""
    facts = sum(len(name) + len(value) for name, value in document.metadata.items())
    return _PER_ENTRY_BYTES + 2 * (len(document.title) + len(document.text) + facts)


def size_of_texts(texts: Mapping[str, str]) -> int:
    """About how many bytes they hold."""
    return sum(_PER_ENTRY_BYTES + 2 * (len(native) + len(text)) for native, text in texts.items())


def search_answer(ranked: Sequence[Ranked], reports: Sequence[SourceReport]) -> SearchAnswer:
    """Of hits that are `presentable`. The reports come in the order of their keys: the answer is the same whoever
    finished first."""
    names = {report.key: report.source for report in reports}
    return SearchAnswer(
        results=[_result(merged, names) for merged in ranked],
        sources=sorted(reports, key=lambda report: report.key),
    )


def fetch_answer(id: str, source: str, document: Document) -> FetchAnswer:
    """Of a document that is `presentable_document`."""
    return FetchAnswer(
        id=id,
        title=document.title,
        text=document.text,
        url=document.url,
        metadata={**document.metadata, "source": source},
    )


def _result(ranked: Ranked, names: Mapping[str, str]) -> SearchResult:
    best, *others = ranked.places
    hit = best.hit
    return SearchResult(
        id=_id(best),
        title=hit.title,
        url=hit.url,
        text=snippet(ranked.text),
        source=names[best.key],
        updated_at=None if hit.updated_at is None else _iso(hit.updated_at),
        also=[Origin(id=_id(place), source=names[place.key], url=place.hit.url) for place in others] or None,
    )


def _id(place: Place) -> str:
    return f"{place.key}:{place.hit.id}"


def _title(title: str) -> str:
    text = _whole(" ".join(title.split()))
    return text[:LONGEST_TITLE] if text else "(untitled)"


def snippet(text: str | None) -> str:
    """The beginning of the text on one line, whole words only."""
    line = " ".join((text or "")[: LONGEST_SNIPPET * 4].split())
    if len(line) <= LONGEST_SNIPPET:
        return line
    return line[: LONGEST_SNIPPET - 1].rsplit(" ", 1)[0] + "…"


def _whole(text: str) -> str:
    """The text without halves of surrogate pairs, which no encoding of JSON's carries: vendors that cut texts by UTF-16
    units leave some behind."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _cut(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    kept = LONGEST_TEXT - _ROOM_FOR_NOTE
    return f"{text[:kept]}\n\n[Cut here: {kept:,} of {len(text):,} characters are shown.]"


def _web_page(url: str) -> str:
    """The address if a reader can open it: absolute, http or https. Whatever else a source may say, nothing."""
    return url if PLAIN_PAGE.fullmatch(url) or opens(url) else ""


def opens(url: str) -> bool:
    """Whether it is such an address."""
    if not url.isprintable() or not _NOT_IN_ADDRESSES.isdisjoint(url):  # printable: no controls, no bidi tricks
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None  # reading a port that is none raises
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
