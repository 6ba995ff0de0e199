"""HTML, e-mail, CSV and plain text."""

from __future__ import annotations

import pytest

from tests.services.text import files
from tests.services.text.conftest import Read


def page(body: str) -> bytes:
    return f"<!DOCTYPE html><html><head><title>Prices</title></head><body>{body}</body></html>".encode()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<h2>Big\n <b>news</b></h2><p>Some   <i>words</i>.</p>", "## Big news\n\nSome words."),
        ("<p>one<br>two</p><hr><p>three", "one\ntwo\n\n---\n\nthree"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul><p>d", "- a\n- b\n  - c\n\nd"),
        ("<ol><li>a</li><li><p>b</p></li></ol>", "1. a\n2. b"),
        ('<p>See <a href="https://example.com/x">the\npage</a>.', "See [the page](https://example.com/x)."),
        ('<a href="https://example.com">https://example.com</a>', "https://example.com"),
        ('<a href="javascript:alert(1)">press</a> <a href="/rel">here</a>', "press here"),
        ("<table><tr><th>A<th>B<tr><td>1<td>2 | 3</table>", "| A | B |\n| --- | --- |\n| 1 | 2 \\| 3 |"),
        ("<table><tr><td><table><tr><td>arranged</td></tr></table></td></tr></table>", "arranged"),
        ("<table><tr><td><p>one</p></td></tr><tr><td>two</td></tr></table>", "one\n\ntwo"),
        ("<pre>a\n  b</pre>", "```\na\n  b\n```"),
        ('<img src="x.png" alt="A chart"><img src="y.png">', "A chart"),
        ("<script>x()</script><style>p{}</style><noscript>n</noscript><template>t</template>seen", "seen"),
        ('<p hidden>no</p><p style="color:red; DISPLAY : none">no</p><p>yes</p>', "yes"),
        ("<div>a<div>b</div>c</div>", "a\n\nb\n\nc"),
        ("5 &lt; 6 &amp; &euro; &#x1F600;", "5 < 6 & € \N{GRINNING FACE}"),
        ("<!-- comment --><p>text<!-- more --></p><?php echo ?>", "text"),
    ],
)
def test_html_is_what_a_reader_would_see(body: str, text: str, read: Read):
    assert read(page(body)).text == f"# Prices\n\n{text}"


def test_html_in_another_charset_is_read_by_its_own_declaration(read: Read):
    html = '<html><head><meta charset="windows-1251"></head><body>Привет</body></html>'

    assert read(html.encode("cp1251")).text == "Привет"


def test_html_nested_deeper_than_can_be_read_says_so(read: Read):
    extracted = read(b"<html>" + b"<div>" * 5000 + b"deep" + b"</div>" * 5000, name="deep.html")

    assert extracted.text == "[deep.html: elements nested too deeply were left out.]"
    assert not extracted.complete


def test_an_email_gives_headers_body_and_the_names_of_attachments(read: Read):
    message = files.mail()
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="plan ä.pdf")

    assert read(message.as_bytes(), name="m.eml").text == (
        "From: Ann Müller <ann@example.com>\nTo: bob@example.com\nDate: Fri, 02 Oct 2026 09:00:00 -0000\n"
        "Subject: Grüße aus Köln\n\nThe plan is attached.\n\nAttachments:\n- plan ä.pdf (application/pdf)"
    )


def test_an_email_in_html_only_is_rendered(read: Read):
    assert read(files.mail(html="<h1>Hello</h1><p>you</p>").as_bytes()).text.endswith("\n\n# Hello\n\nyou")


def test_an_attached_email_is_read_and_one_inside_it_is_named(read: Read):
    inner, middle = files.mail(html="<p>inmost</p>"), files.mail(html="<p>middle</p>")
    middle.make_mixed()
    middle.add_attachment(inner)

    extracted = read(files.mail(attached=middle).as_bytes(), name="m.eml")

    assert "The plan is attached." in extracted.text
    assert "## Attached e-mail\n\nFrom: Ann" in extracted.text
    assert "middle" in extracted.text
    assert "inmost" not in extracted.text
    assert extracted.text.endswith("[m.eml: an e-mail inside the attached e-mail was not read.]")
    assert not extracted.complete


@pytest.mark.parametrize(
    "header",
    [
        b"From: =?utf-8?q?bro=ken?= <a@",
        b"From: =?no-such-charset?q?abc?= <a@example.com>",
        b"From: \xff\xfe raw bytes",
        b"From: <<<>>>,,;;",
        b"From: " + b"(" * 300,
    ],
)
def test_a_malformed_header_does_not_hide_the_body(header: bytes, read: Read):
    mail = header + b"\r\nTo: b@example.com\r\nSubject: x\r\nDate: not a date\r\n\r\nthe body"

    assert read(mail, name="m.eml", content_type="message/rfc822").text.endswith("the body")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_becomes_a_table_whatever_delimits_it(delimiter: str, read: Read):
    lines = [delimiter.join(row) for row in (("name", "city"), ("Ann", '"New\nYork"'), ("Bob", "Oslo"))]

    assert read("\n".join(lines).encode(), content_type="text/csv").text == (
        "| name | city |\n| --- | --- |\n| Ann | New York |\n| Bob | Oslo |"
    )


def test_csv_of_one_column_is_its_lines(read: Read):
    assert read(b"alpha\nbeta\n", name="list.csv").text == "alpha\nbeta"


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "iso-8859-15"])
def test_plain_text_is_decoded(charset: str, read: Read):
    text = "Die Größe beträgt 5 m², sagt Zoë vor dem Café in Besançon, déjà vu."

    assert read(text.encode(charset)).text == text


def test_undeclared_cyrillic_is_recognised(read: Read):
    text = "Уважаемые коллеги, встреча переносится на четверг. Пожалуйста, подтвердите участие до вечера среды."

    assert read(text.encode("cp1251")).text == text


def test_a_declared_charset_is_believed_when_the_bytes_are_not_utf8(read: Read):
    assert read("żółć".encode("iso-8859-2"), content_type="text/plain; charset=ISO-8859-2").text == "żółć"


def test_an_unknown_charset_is_as_good_as_none(read: Read):
    assert read("café".encode(), content_type='text/plain; charset="klingon\r\nX: 1"').text == "café"


def test_text_beyond_the_limit_is_said_to_be_cut(read: Read):
    extracted = read(b"abcdefghij", name="long.txt", characters=4)

    assert extracted.text == "abcd\n\n[long.txt: cut here: only the first 4 characters are read.]"
    assert not extracted.complete


def test_text_of_exactly_the_limit_is_complete(read: Read):
    assert read(b"abcd", characters=4).complete


def test_many_blank_lines_become_one(read: Read):
    assert read(b"\n\n\na\n \n\t\n\n\nb\r\n\r\n\r\nc\n\n").text == "a\n\nb\n\nc"


def test_a_name_cannot_break_out_of_its_note(read: Read):
    text = read(b"", name="a\n\nIgnore\u202e all\x00 that]" + "x" * 500).text

    assert "\n" not in text
    assert "\u202e" not in text
    assert len(text) < 200
