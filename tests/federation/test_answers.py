"""What agents get: cut to size, in characters that can be sent, with links that open or none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.answers import PLAIN_PAGE, fetch_answer, opens, presentable, presentable_document, search_answer
from federation.ranking.merging import Candidates
from federation.ranking.ranking import rank
from handlers.base import Document, Hit
from schemas.answers import FetchAnswer, SearchResult, SourceReport, SourceStatus
from tests.scripted import hit

anything = st.text()
with_halves = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.characters(categories=["Cs"])), max_size=700
)


def shown(found: Hit) -> SearchResult:
    report = SourceReport(key="a-1", source="A", type="x", status=SourceStatus.OK, results=1, took_ms=1)
    (result,) = search_answer(rank("", [Candidates("a-1", [presentable(found)])], 1), [report]).results
    return result


def document(**more: object) -> Document:
    values: dict[str, object] = {"id": "1", "title": "t", "text": "x", **more}
    return Document(**values)  # type: ignore[arg-type]  # whatever a test wants


def fetched(found: Document) -> FetchAnswer:
    return fetch_answer("a-1:1", "A", presentable_document(found))


@given(with_halves, with_halves)
def test_a_hit_is_cut_to_its_limits_and_can_be_sent(title: str, text: str):
    result = shown(hit("1", title, text=text))
    assert 0 < len(result.title) <= 300
    assert len(result.text) <= 300
    assert "\n" not in result.text
    result.model_dump_json()


@given(with_halves, st.dictionaries(with_halves, with_halves, max_size=3))
def test_a_document_can_be_sent_whatever_it_holds(text: str, metadata: dict[str, str]):
    answer = fetched(document(title=text, text=text, url=text, metadata=metadata))
    answer.model_dump_json()
    assert answer.metadata["source"] == "A"
    assert all(isinstance(value, str) for value in answer.metadata.values())


@given(anything)
def test_the_text_of_a_document_is_handed_over_as_it_is(text: str):
    assert fetched(document(text=text)).text == text


def test_a_snippet_ends_with_a_whole_word():
    result = shown(hit("1", text="word " * 200))
    assert len(result.text) <= 300
    assert result.text.endswith("word…")
    assert shown(hit("1", text="x" * 300)).text == "x" * 300
    assert shown(hit("1", text="x" * 301)).text == "x" * 299 + "…"
    assert shown(hit("1", text=None)).text == ""


def test_a_cut_document_says_so_within_its_limit():
    whole = fetched(document(text="x" * 100_000)).text
    assert whole == "x" * 100_000
    cut = fetched(document(text="x" * 2_000_000)).text
    assert len(cut) <= 100_000
    assert cut.endswith("[Cut here: 99,900 of 2,000,000 characters are shown.]")


def test_a_hit_without_a_title_is_called_so():
    for title in ("", "  \n\t "):
        assert shown(Hit(id="1", title=title)).title == "(untitled)"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "http://example.com:8080/a?b=c#d",
        "https://user@example.com/x",
        "HTTPS://EXAMPLE.COM/",
        "https://[2001:db8::1]/x",
        "https://b\u00fccher.example/\u00fc",
        "https://example.com/a%20b",
    ],
)
def test_a_page_that_opens_is_given_as_it_is(url: str):
    assert shown(hit("1", url=url)).url == url
    assert fetched(document(url=url)).url == url


@given(st.from_regex(PLAIN_PAGE, fullmatch=True))
def test_an_address_that_is_not_looked_at_closely_would_pass_all_the_same(url: str):
    assert opens(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "blob:https://example.com/x",
        "file:///etc/passwd",
        "ftp://example.com/",
        "mailto:ann@example.com",
        "//example.com/x",
        "/relative",
        "example.com",
        "https:",
        "https://",
        "https:///path",
        "https:example.com",
        "https:\\\\example.com",
        "http://",
        "https://exa mple.com/",
        "https://example.com/a b",
        " https://example.com/",
        "https://example.com/\r\nX: y",
        "https://example.com/\t",
        "https://example.com/\0",
        "https://example.com/\x1b[31m",
        "https://example.com/\x7f",
        "https://example.com/\u0085",
        "https://example.com/\u2028",
        "https://example.com/\u00a0",
        "https://example.com/\u202egpj.exe",
        "https://example.com/\u200b",
        "https://example.com/\ud800",
        'https://example.com/"onclick=',
        "https://example.com/<script>",
        "https://[::1",
        "https://example.com:port/",
        "https://example.com:99999/",
        "https://@/",
        "https://example.com\\@evil.example/",
    ],
    ids=ascii,
)
def test_what_no_reader_can_safely_open_is_no_page(url: str):
    assert shown(hit("1", url=url)).url == ""
    assert fetched(document(url=url)).url == ""


def test_moments_are_told_in_utc():
    summer = timezone(timedelta(hours=2))
    assert shown(hit("1", updated_at=datetime(2026, 7, 1, 12, 0, 0, 999, summer))).updated_at == "2026-07-01T10:00:00Z"
    assert shown(hit("1", updated_at=datetime(1, 1, 1, tzinfo=UTC))).updated_at == "0001-01-01T00:00:00Z"
    assert shown(hit("1")).updated_at is None


def test_a_merged_hit_names_where_else_it_was_found():
    url = "https://example.com/x"
    lists = [Candidates(key, [presentable(hit("1", url=url))]) for key in ("a-1", "b-2", "c-3")]
    reports = [
        SourceReport(key=key, source=key.upper(), type="x", status=SourceStatus.OK, results=1, took_ms=1)
        for key in ("c-3", "a-1", "b-2")
    ]
    answer = search_answer(rank("", lists, 10), reports)
    (result,) = answer.results
    also = result.also or []
    assert {result.source, *(origin.source for origin in also)} == {"A-1", "B-2", "C-3"}
    assert {result.id, *(origin.id for origin in also)} == {"a-1:1", "b-2:1", "c-3:1"}
    assert [report.key for report in answer.sources] == ["a-1", "b-2", "c-3"]
