"""The files that are made of texts are real ones: the readers of their formats find the text in them."""

from __future__ import annotations

import io

import docx
import openpyxl
import pptx
import pypdfium2  # type: ignore[import-untyped]  # has no stubs
import pytest
from PIL import Image

from sandbox.documents.blocks import Block, blocks
from sandbox.documents.render import content_type_of, extension_of, file_bytes, html_page

TEXT = """\
# Heading one

A paragraph
of two lines with (brackets), a back\\slash, é and 漢.
- first
- second
| Head | Other |
|---|---|
| cell | 7 |
## Heading two
"""


def test_a_text_has_its_parts():
    assert list(blocks(TEXT)) == [
        Block("heading", "Heading one", level=1),
        Block("paragraph", "A paragraph of two lines with (brackets), a back\\slash, é and 漢."),
        Block("item", "first"),
        Block("item", "second"),
        Block("table", rows=(("Head", "Other"), ("cell", "7"))),
        Block("heading", "Heading two", level=2),
    ]


def test_a_pdf_can_be_read_and_has_as_many_pages_as_it_takes():
    document = pypdfium2.PdfDocument(file_bytes("a.pdf", TEXT + "\n\nmore\n" * 60))
    first = document[0].get_textpage().get_text_bounded()
    assert "Heading one" in first
    assert "(brackets), a back\\slash, é and ?" in first
    assert len(document) == 3
    document.close()


def test_a_word_document_has_headings_items_and_tables():
    document = docx.Document(io.BytesIO(file_bytes("a.docx", TEXT)))
    styles = [paragraph.style.name if paragraph.style else None for paragraph in document.paragraphs]
    assert list(zip(styles, (paragraph.text for paragraph in document.paragraphs), strict=True))[:4] == [
        ("Heading 1", "Heading one"),
        ("Normal", "A paragraph of two lines with (brackets), a back\\slash, é and 漢."),
        ("List Bullet", "first"),
        ("List Bullet", "second"),
    ]
    assert [[cell.text for cell in row.cells] for row in document.tables[0].rows] == [["Head", "Other"], ["cell", "7"]]


def test_a_workbook_has_numbers_where_there_are_some():
    workbook = openpyxl.load_workbook(io.BytesIO(file_bytes("a.xlsx", 'Name,Price\n"Box, large",2.5\n')))
    assert list(workbook.worksheets[0].values) == [("Name", "Price"), ("Box, large", 2.5)]


def test_a_presentation_has_a_slide_for_every_heading():
    presentation = pptx.Presentation(io.BytesIO(file_bytes("a.pptx", TEXT)))
    assert [slide.shapes.title.text for slide in presentation.slides] == ["Heading one", "Heading two"]
    assert "cell | 7" in presentation.slides[0].placeholders[1].text_frame.text


def test_a_picture_is_one():
    assert Image.open(io.BytesIO(file_bytes("a.png", "unseen"))).size == (8, 8)


def test_a_page_escapes_what_html_would_take_for_its_own():
    page = html_page("# A < B\n\n| a & b |\n")
    assert "<h1>A &lt; B</h1>" in page
    assert "<td>a &amp; b</td>" in page


@pytest.mark.parametrize(
    ("name", "extension", "kind"),
    [
        ("notes.TXT", "txt", "text/plain"),
        ("a.b.docx", "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("README", "", "application/octet-stream"),
    ],
)
def test_names_say_what_a_file_is(name, extension, kind):
    assert (extension_of(name), content_type_of(name)) == (extension, kind)


def test_what_is_no_format_of_ours_stays_as_it_is():
    assert file_bytes("notes.txt", "# as it is") == b"# as it is"
    assert file_bytes("strange.xyz", "é") == "é".encode()
