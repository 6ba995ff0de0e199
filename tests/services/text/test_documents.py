"""PDF, Word, Excel and PowerPoint as they should be."""

from __future__ import annotations

import openpyxl

from tests.services.text import files
from tests.services.text.conftest import Read


def test_a_pdf_gives_its_pages_under_their_numbers(read: Read):
    extracted = read(files.pdf(["First page\nwith two lines", "Second page"]))

    assert extracted.text == "## Page 1\n\nFirst page\nwith two lines\n\n## Page 2\n\nSecond page"
    assert extracted.complete


def test_a_pdf_of_one_page_needs_no_number(read: Read):
    assert read(files.pdf(["Only page"])).text == "Only page"


def test_a_pdf_of_images_says_that_there_is_no_text(read: Read):
    extracted = read(files.pdf(["", ""]), name="scan.pdf")

    assert extracted.text == "[scan.pdf: no text in it; its pages are probably images.]"
    assert not extracted.complete


def test_a_pdf_whose_pages_are_damaged_says_how_many(read: Read):
    extracted = read(files.pdf_with_a_page_missing(), name="half.pdf")

    assert extracted.text == ("## Page 1\n\ngood\n\n[half.pdf: 1 of its 2 pages are damaged and could not be read.]")
    assert not extracted.complete


def test_two_hundred_pages_are_read_within_the_time_for_one_file(read: Read):
    extracted = read(files.pdf([f"This is page {number}." for number in range(1, 201)]))

    assert extracted.complete
    assert extracted.text.endswith("## Page 200\n\nThis is page 200.")


def test_pages_beyond_the_limit_are_said_to_be_cut(read: Read):
    extracted = read(files.pdf(["one", "two", "three"]), name="long.pdf", pages=2)

    assert extracted.text.endswith("two\n\n[long.pdf: cut here: 2 of its 3 pages are read.]")
    assert not extracted.complete


def test_word_keeps_headings_lists_and_tables_in_their_order(read: Read):
    def write(document):
        document.add_heading("Contract", 0)
        document.add_heading("Terms", 2)
        document.add_paragraph("Before the table.")
        table = document.add_table(2, 2)
        for number, text in enumerate(("Item", "Price", "Bolts", "3 | 4")):
            table.cell(number // 2, number % 2).text = text
        document.add_paragraph("first", style="List Bullet")
        document.add_paragraph("second", style="List Number")
        document.add_paragraph("After the list.")

    assert read(files.word(write)).text == (
        "# Contract\n\n## Terms\n\nBefore the table.\n\n| Item | Price |\n| --- | --- |\n| Bolts | 3 \\| 4 |\n\n"
        "- first\n- second\n\nAfter the list."
    )


def test_a_word_cell_over_two_columns_comes_once(read: Read):
    def write(document):
        table = document.add_table(2, 3)
        table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
        table.cell(0, 2).text = "narrow"
        table.cell(1, 0).add_table(1, 1).cell(0, 0).text = "nested"

    assert read(files.word(write)).text.splitlines() == ["| wide | narrow |", "| --- | --- |", "| nested |"]


def test_footnotes_follow_the_text(read: Read):
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    notes = (
        f'<w:footnotes xmlns:w="{word}"><w:footnote w:type="separator" w:id="0"><w:p><w:r><w:t>--</w:t></w:r></w:p>'
        '</w:footnote><w:footnote w:id="1"><w:p><w:r><w:t>See the annex.</w:t></w:r></w:p></w:footnote></w:footnotes>'
    )
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{kind}" Target="footnotes.xml"/></Relationships>'
    )
    document = files.word(lambda document: document.add_paragraph("Body."))
    document = files.replace_member(document, "word/footnotes.xml", notes.encode())
    document = files.replace_member(document, "word/_rels/document.xml.rels", relations.encode())

    assert read(document).text == "Body.\n\n[1] See the annex."


def test_excel_gives_a_table_per_sheet_with_plain_values(read: Read):
    assert read(files.excel(files.ROWS)).text == (
        "## Sheet: Orders\n\n| Customer | Total | Since |\n| --- | --- | --- |\n"
        "| Example \\| Sons | 1250 | 2024-03-01 |\n| Line break | 3.5 | 2024-03-01 14:30:00 |"
    )


def test_sheets_beyond_the_limit_are_said_to_be_cut_and_hidden_ones_marked(read: Read, tmp_path):
    book = openpyxl.Workbook()
    book.create_sheet("Second").sheet_state = "hidden"
    book.create_sheet("Third")
    book["Second"]["A1"] = "x"
    path = tmp_path / "book.xlsx"
    book.save(path)

    text = read(path.read_bytes(), name="book.xlsx", pages=2).text

    assert "## Sheet: Second (hidden)\n\n| x |" in text
    assert text.endswith("[book.xlsx: cut here: 2 of its 3 sheets are read.]")


def test_a_workbook_that_lies_about_its_size_is_read_all_the_same(read: Read):
    honest = files.excel([("a", "b"), ("c", "d")])
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1"/><sheetData>'
        '<row r="1"><c r="A1" t="inlineStr"><is><t>one</t></is></c></row>'
        '<row r="900000"><c r="XFD900000" t="inlineStr"><is><t>far</t></is></c></row></sheetData></worksheet>'
    )

    text = read(files.replace_member(honest, "xl/worksheets/sheet1.xml", sheet.encode())).text

    assert "| one |" in text
    assert "far |" in text


def test_powerpoint_gives_titles_points_tables_groups_and_notes(read: Read):
    assert read(files.powerpoint()).text == (
        "## Slide 1: Plan for autumn\n\n- Hire two people\n  - one in Lyon\n\n| Team | People |\n| --- | --- |\n"
        "| Sales | 7 |\n\n- inside a group\n\nNotes: Say this slowly.\n\n## Slide 2"
    )


def test_slides_beyond_the_limit_are_said_to_be_cut(read: Read):
    assert read(files.powerpoint(), name="p.pptx", pages=1).text.endswith(
        "[p.pptx: cut here: 1 of its 2 slides are read.]"
    )
