"""Graph's JSON, read into values."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from errors import SourceUnavailable
from services.graph.values import Person, read_attachments, read_message, read_page

WHOLE = {
    "@odata.etag": 'W/"CQAAABYAAAA"',
    "id": "AAkALgAA=",
    "subject": " Quarterly plan ",
    "from": {"emailAddress": {"name": "Ben Ode", "address": "ben@example.com"}},
    "toRecipients": [{"emailAddress": {"name": "Ann Meyer", "address": "ann@example.com"}}],
    "ccRecipients": [{"emailAddress": {"address": "cat@example.net"}}],
    "receivedDateTime": "2026-10-02T11:00:00+02:00",
    "bodyPreview": "Ann, the plan",
    "body": {"contentType": "text", "content": "Ann,\r\nthe plan"},
    "hasAttachments": True,
    "webLink": "https://outlook.office365.com/owa/?ItemID=AAkALgAA",
    "conversationId": "AAQk",
}


def test_a_message_is_read_with_all_that_was_selected():
    message = read_message(json.dumps(WHOLE).encode())
    assert message.subject == "Quarterly plan"
    assert message.sender == Person("Ben Ode", "ben@example.com")
    assert [str(person) for person in message.to] == ["Ann Meyer <ann@example.com>"]
    assert [str(person) for person in message.cc] == ["cat@example.net"]
    assert message.received_at == datetime(2026, 10, 2, 9, tzinfo=UTC)
    assert message.received_at.tzinfo is UTC
    assert message.body == "Ann,\nthe plan"
    assert message.has_attachments
    assert message.link.startswith("https://outlook.office365.com/")


def test_what_is_null_or_missing_is_empty():
    nothing = dict.fromkeys(WHOLE) | {"id": "AAkALgAA="}
    message = read_message(json.dumps(nothing).encode())
    assert message == read_message(b'{"id": "AAkALgAA="}')
    assert (message.subject, message.sender, message.to, message.received_at, message.body) == ("", None, (), None, "")
    assert not message.has_attachments


def test_half_an_emoji_at_the_end_of_a_preview_does_not_lose_the_page():
    page = read_page(b'{"value": [{"id": "a", "bodyPreview": "See you \\ud83d", "subject": "\\ud83d\\ude00 yes"}]}')
    assert page.messages[0].preview == "See you \N{REPLACEMENT CHARACTER}"
    assert page.messages[0].subject == "\N{GRINNING FACE} yes"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "/owa/?ItemID=1", "ftp://example.com/", ""])
def test_a_link_that_no_reader_should_open_is_dropped(link):
    assert read_message(json.dumps(WHOLE | {"webLink": link}).encode()).link == ""


def test_a_page_tells_where_the_next_one_is():
    page = read_page(b'{"value": [{"id": "a"}, {"id": "b"}], "@odata.nextLink": "https://graph.microsoft.com/v1.0/x"}')
    assert [message.id for message in page.messages] == ["a", "b"]
    assert page.next_link == "https://graph.microsoft.com/v1.0/x"
    assert read_page(b'{"value": []}').next_link is None


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"null", b"[]", b"{}", b'{"value": {}}', b'{"value": [{}]}', b'{"value": [{"id": ""}]}', b"\xff"],
)
def test_what_is_no_page_is_an_outage(content):
    with pytest.raises(SourceUnavailable, match="not mail"):
        read_page(content)


def test_json_nested_without_end_is_an_outage():
    with pytest.raises(SourceUnavailable):
        read_page(b'{"value": ' + b"[" * 200_000)


def test_kinds_of_attachments_are_told_apart():
    kinds = ("file", "item", "reference", "unheardOf")
    value = [{"@odata.type": f"#microsoft.graph.{kind}Attachment", "id": kind, "name": kind} for kind in kinds]
    attachments = read_attachments(json.dumps({"value": value}).encode())
    assert [attachment.kind for attachment in attachments] == ["file", "item", "reference", "file"]
