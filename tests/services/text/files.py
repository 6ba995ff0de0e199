"""Files of every kind, small and built in code."""

from __future__ import annotations

import ctypes
import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from email.message import EmailMessage

import docx
import openpyxl
import pypdfium2  # type: ignore[import-untyped] # it has no types
import pypdfium2.raw as pdfium  # type: ignore[import-untyped] # it has no types
from openpyxl.worksheet.worksheet import Worksheet
from pptx import Presentation
from pptx.util import Inches


def pdf(pages: Sequence[str]) -> bytes:
    """One page per text, a line per line."""
    document = pypdfium2.PdfDocument.new()
    for text in pages:
        page = document.new_page(595, 842)
        for number, line in enumerate(text.splitlines()):
            written = pdfium.FPDFPageObj_NewTextObj(document, b"Helvetica", 11)
            encoded = ctypes.create_string_buffer((line + "\0").encode("utf-16-le"))
            pdfium.FPDFText_SetText(written, ctypes.cast(encoded, pdfium.FPDF_WIDESTRING))
            pdfium.FPDFPageObj_Transform(written, 1, 0, 0, 1, 40, 800 - number * 14)
            pdfium.FPDFPage_InsertObject(page, written)
        pdfium.FPDFPage_GenerateContent(page)
    target = io.BytesIO()
    document.save(target)
    document.close()
    return target.getvalue()


def locked_pdf() -> bytes:
    """A document whose password nobody knows: revision 3 of the standard security handler, with made-up keys."""
    keys = b"/O <" + b"5a" * 32 + b"> /U <" + b"a5" * 32 + b">"
    return _pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>",
            b"<< /Filter /Standard /V 2 /R 3 /Length 128 /P -3904 " + keys + b" >>",
        ],
        trailer=b"/Encrypt 4 0 R /ID [<00> <00>]",
    )


def pdf_with_a_page_missing() -> bytes:
    """Two pages by its own account, the second of which is nowhere in the file."""
    fonts = b"<< /Font << /F 4 0 R >> >>"
    content = b"BT /F 12 Tf 10 50 Td (good) Tj ET"
    return _pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R 9 0 R] /Count 2 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 5 0 R /Resources %b >>" % fonts,
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        ]
    )


def _pdf_of(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    out, offsets = bytearray(b"%PDF-1.5\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R %b >>\n" % (len(objects) + 1, trailer)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % table)


def word(write: Callable[[docx.document.Document], object]) -> bytes:
    document = docx.Document()
    write(document)
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def excel(rows: Sequence[Sequence[object]], title: str = "Orders") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def powerpoint() -> bytes:
    """Two slides: one with a title, points, a table and notes, one that is empty."""
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Plan for\vautumn"
    body = slide.placeholders[1].text_frame
    body.text = "Hire two people"
    point = body.add_paragraph()
    point.text, point.level = "one in Lyon", 1
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(3), Inches(4), Inches(1)).table
    for row, values in enumerate((("Team", "People"), ("Sales", "7"))):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "inside a group"
    slide.notes_slide.notes_text_frame.text = "Say this slowly."
    show.slides.add_slide(show.slide_layouts[6])
    target = io.BytesIO()
    show.save(target)
    return target.getvalue()


def mail(*, html: str | None = None, attached: EmailMessage | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ann Müller <ann@example.com>"
    message["To"] = "bob@example.com"
    message["Date"] = datetime(2026, 10, 2, 9, 0)  # noqa: DTZ001 - a mail without a zone, as some are
    message["Subject"] = "Grüße aus Köln"
    if html is None:
        message.set_content("The plan is attached.\n")
    else:
        message.set_content(html, subtype="html")
    if attached is not None:
        message.add_attachment(attached)
    return message


def archive(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return target.getvalue()


def replace_member(data: bytes, name: str, content: bytes) -> bytes:
    """The same archive with one member changed or added."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = {member: file.read(member) for member in file.namelist()}
    return archive({**members, name: content})


def encrypted_office() -> bytes:
    """What Office writes for a workbook with a password: an OLE file whose directory names the encrypted package."""
    names = b"".join(name.encode("utf-16-le").ljust(64, b"\0") for name in ("EncryptionInfo", "EncryptedPackage"))
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504 + names + b"\0" * 512


ROWS: Sequence[Sequence[object]] = (
    ("Customer", "Total", "Since"),
    ("Example | Sons", 1250.0, date(2024, 3, 1)),
    (None, None, None),
    ("Line\nbreak", 3.5, datetime(2024, 3, 1, 14, 30)),  # noqa: DTZ001 - workbooks know no zones
)
