"""Bombs, locks and ruins: read by real worker processes, each ends in a note, and the next file is read as ever."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from functools import cache

import pytest

from services.text import Limits, TextExtractor
from tests.services.text import files
from tests.services.text.conftest import Read

pytestmark = pytest.mark.anyio

BILLION_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>&b;</w:t>
</w:r></w:p></w:body></w:document>"""
DOCUMENT = files.word(lambda document: document.add_paragraph("fine"))
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
WORKBOOK = files.excel([("fine",)])


def with_false_size(data: bytes, name: str, size: int) -> bytes:
    """The archive with another unpacked size written into the directory entry of one member."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        true = archive.getinfo(name).file_size.to_bytes(4, "little")
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(name.encode()))
    changed = data[entry : entry + 46].replace(true, size.to_bytes(4, "little"))
    return data[:entry] + changed + data[entry + 46 :]


RECIPES: Mapping[str, Callable[[], bytes]] = {
    "truncated pdf": lambda: files.pdf(["some text"])[:300],
    "pdf of nonsense": lambda: b"%PDF-1.7\n" + b"\x00\xff" * 4000,
    "locked pdf": files.locked_pdf,
    "locked workbook": files.encrypted_office,
    "truncated workbook": lambda: WORKBOOK[:-200],
    "document without its parts": lambda: files.archive({"word/document.xml": b"<x/>"}),
    "document of broken xml": lambda: files.replace_member(DOCUMENT, "word/document.xml", b"<w:document"),
    "workbook of broken xml": lambda: files.replace_member(WORKBOOK, "xl/workbook.xml", b"<workbook><sheets>"),
    "billion laughs": lambda: files.replace_member(DOCUMENT, "word/document.xml", BILLION_LAUGHS),
    "billion laughs in UTF-16": lambda: files.replace_member(
        DOCUMENT, "word/document.xml", BILLION_LAUGHS.decode().encode("utf-16")
    ),
    "external entity": lambda: files.replace_member(
        WORKBOOK, "xl/sharedStrings.xml", b'<!DOCTYPE s [<!ENTITY f SYSTEM "file:///etc/passwd">]><sst>&f;</sst>'
    ),
    "zip bomb, declared": lambda: files.replace_member(DOCUMENT, "word/media/x.bin", b"\0" * 400_000_000),
    "zip bomb, size denied": lambda: with_false_size(
        files.replace_member(DOCUMENT, "word/document.xml", b"<a>" + b" " * 50_000_000), "word/document.xml", 10
    ),
    "many members": lambda: files.archive(
        {"word/document.xml": b"<x/>", **{f"word/{n}.xml": b"" for n in range(20_001)}}
    ),
}


@cache
def hostile(name: str) -> bytes:
    """Made when it is first asked for: some take half a second."""
    return RECIPES[name]()


@pytest.fixture(scope="module")
async def extractor() -> AsyncIterator[TextExtractor]:
    extractor = TextExtractor(workers=1)
    yield extractor
    await extractor.aclose()


@pytest.mark.parametrize("name", RECIPES)
async def test_a_hostile_file_ends_in_a_note(name: str, extractor: TextExtractor):
    extracted = await extractor.extract(hostile(name), name="mail.bin", content_type="application/octet-stream")

    assert extracted.text.startswith("[mail.bin: ")
    assert not extracted.complete
    assert "root:" not in extracted.text


async def test_after_all_of_them_the_same_process_reads_on(extractor: TextExtractor):
    for name in RECIPES:
        await extractor.extract(hostile(name), name="x", content_type="")

    extracted = await extractor.extract(DOCUMENT, name="x", content_type="")

    assert extracted.text == "fine"
    assert len(extractor._idle) == 1


@pytest.mark.parametrize("name", ["billion laughs", "billion laughs in UTF-16", "external entity"])
def test_a_declared_document_type_is_refused_before_any_library_sees_it(name: str, read: Read):
    assert "document type" in read(hostile(name)).text


def test_a_declaration_across_two_chunks_is_seen(read: Read):
    padding = b"<!--" + b" " * (1_048_576 - 4 - 3 - 5) + b"-->"
    data = files.replace_member(DOCUMENT, "word/document.xml", padding + b"<!DOCTYPE a>" + b"<a/>")

    assert "document type" in read(data).text


async def test_a_file_larger_than_the_limit_is_not_even_sent_to_a_process():
    extractor = TextExtractor(limits=Limits(input_bytes=1_000_000), command=("/nonexistent",))

    extracted = await extractor.extract(b"x" * 1_000_001, name="big.txt", content_type="text/plain")

    assert extracted.text == "[big.txt: not read: it is larger than 1 MB.]"


async def test_memory_is_capped():
    extractor = TextExtractor(limits=Limits(memory_bytes=500_000_000), workers=1)
    body = b"<w:p><w:r><w:t>x</w:t></w:r></w:p>" * 1_500_000
    data = files.replace_member(
        DOCUMENT,
        "word/document.xml",
        b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>%b</w:body></w:document>'
        % body,
    )

    extracted = await extractor.extract(data, name="huge.docx", content_type="")
    afterwards = await extractor.extract(b"small", name="s", content_type="")
    await extractor.aclose()

    assert extracted.text.startswith("[huge.docx: ")
    assert not extracted.complete
    assert afterwards.text == "small"


async def test_near_the_end_of_its_time_what_is_read_so_far_is_the_result():
    extractor = TextExtractor(limits=Limits(time=timedelta(seconds=2), characters=100_000_000), workers=1)
    rows = "".join(f'<row><c t="inlineStr"><is><t>row {number}</t></is></c></row>' for number in range(400_000))
    sheet = f'<worksheet xmlns="{SHEET}"><dimension ref="A1:A2"/><sheetData>{rows}</sheetData></worksheet>'
    data = files.replace_member(WORKBOOK, "xl/worksheets/sheet1.xml", sheet.encode())

    extracted = await extractor.extract(data, name="long.xlsx", content_type="")
    await extractor.aclose()

    assert "| row 1 |" in extracted.text
    assert extracted.text.endswith("[long.xlsx: cut here: reading the rest takes too long.]")
