"""Content decides, then the declared type, then the name."""

from __future__ import annotations

import pytest

from services.text import Limits
from services.text.extracted import File
from services.text.kinds import Kind, kind_of
from tests.services.text import files
from tests.services.text.conftest import Read

LIES = {"name": "picture.png", "content_type": "image/png"}


def kind(data: bytes, name: str = "", content_type: str = "") -> Kind:
    return kind_of(File(data=data, name=name, content_type=content_type, limits=Limits()))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (files.pdf(["x"]), Kind.PDF),
        (b"junk before\n" + files.pdf(["x"]), Kind.PDF),
        (files.word(lambda document: document.add_paragraph("x")), Kind.WORD),
        (files.excel([("x",)]), Kind.EXCEL),
        (files.powerpoint(), Kind.POWERPOINT),
        (files.archive({"notes.txt": b"x"}), Kind.ARCHIVE),
        (files.excel([("x",)])[:500], Kind.BROKEN_ARCHIVE),
        (files.encrypted_office(), Kind.ENCRYPTED_OFFICE),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, Kind.OLD_OFFICE),
        (b"\n <!-- made --> <!DOCTYPE HTML><p>x", Kind.HTML),
        (b"\xef\xbb\xbf<html>x", Kind.HTML),
        (b"Received: x\r\nFrom: a\r\nSubject: b\r\n\r\nbody", Kind.MAIL),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), Kind.BINARY),
        (b" \n\t", Kind.EMPTY),
        (b"", Kind.EMPTY),
        (b"just words", Kind.PLAIN),
        ("wörds".encode("utf-16"), Kind.PLAIN),
    ],
)
def test_content_decides_whatever_the_name_says(data: bytes, expected: Kind):
    assert kind(data, **LIES) is expected


@pytest.mark.parametrize(
    ("name", "content_type", "expected"),
    [
        ("a.txt", "text/html; charset=utf-8", Kind.HTML),
        ("a.csv", "", Kind.DELIMITED),
        ("A.CSV", "application/octet-stream", Kind.DELIMITED),
        ("a.eml", "", Kind.MAIL),
        ("a.htm", "", Kind.HTML),
        ("a.pdf", "application/pdf", Kind.PLAIN),
        (".csv", "", Kind.PLAIN),
        ("a.md", "text/markdown", Kind.PLAIN),
    ],
)
def test_between_kinds_of_text_the_declared_type_and_the_name_decide(name: str, content_type: str, expected: Kind):
    assert kind(b"a,b\nc,d\n", name, content_type) is expected


def test_a_letter_that_begins_like_a_mail_is_plain_text():
    assert kind(b"Date: 3 May\n\nDear Ann,\nfrom: nobody\nto: nobody") is Kind.PLAIN


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (files.encrypted_office(), "password"),
        (files.locked_pdf(), "password"),
        (files.archive({"notes.txt": b"x"}), "archive"),
        (files.excel([("x",)])[:500], "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "binary Office"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "no text"),
    ],
)
def test_what_is_not_read_says_why(data: bytes, why: str, read: Read):
    extracted = read(data, name="thing")

    assert extracted.text.startswith("[thing: ")
    assert why in extracted.text
    assert not extracted.complete
