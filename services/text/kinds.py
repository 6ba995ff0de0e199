"""What a file is: told by its content, and by its name and declared type only between kinds of text."""

from __future__ import annotations

import io
import re
import zipfile
from enum import Enum, auto

from services.text.charsets import is_text
from services.text.extracted import File

_HEAD_BYTES = 4_096
_PDF_WITHIN_BYTES = 1_024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_MAIL_HEADER = re.compile(
    rb"^(?:from|to|cc|subject|date|received|return-path|delivered-to|message-id|mime-version|content-type|x-[a-z-]+):",
    re.IGNORECASE | re.MULTILINE,
)
_FEWEST_MAIL_HEADERS = 3


class Kind(Enum):
    """The kinds that are told apart; `services.text.readers` says which of them are read."""

    EMPTY = auto()
    PDF = auto()
    WORD = auto()
    EXCEL = auto()
    POWERPOINT = auto()
    ENCRYPTED_OFFICE = auto()
    OLD_OFFICE = auto()
    ARCHIVE = auto()
    BROKEN_ARCHIVE = auto()
    HTML = auto()
    MAIL = auto()
    DELIMITED = auto()
    PLAIN = auto()
    BINARY = auto()


_OFFICE_PARTS = (
    ("word/document.xml", Kind.WORD),
    ("xl/workbook.xml", Kind.EXCEL),
    ("ppt/presentation.xml", Kind.POWERPOINT),
)
_TYPES = {
    "text/html": Kind.HTML,
    "application/xhtml+xml": Kind.HTML,
    "message/rfc822": Kind.MAIL,
    "text/csv": Kind.DELIMITED,
    "text/tab-separated-values": Kind.DELIMITED,
}
_EXTENSIONS = {
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.HTML,
    ".eml": Kind.MAIL,
    ".csv": Kind.DELIMITED,
    ".tsv": Kind.DELIMITED,
}


def kind_of(file: File) -> Kind:
    """The kind, whatever the name and the declared type say against the content."""
    data = file.data
    if not data.strip():
        return Kind.EMPTY
    if b"%PDF-" in data[:_PDF_WITHIN_BYTES]:
        return Kind.PDF
    if data.startswith(_OLE):
        return Kind.ENCRYPTED_OFFICE if _ENCRYPTED_PACKAGE in data else Kind.OLD_OFFICE
    if data.startswith(_ZIP):
        return _kind_of_archive(data)
    return _kind_of_text(file) if is_text(data) else Kind.BINARY


def _kind_of_archive(data: bytes) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return Kind.BROKEN_ARCHIVE
    return next((kind for part, kind in _OFFICE_PARTS if part in names), Kind.ARCHIVE)


def _kind_of_text(file: File) -> Kind:
    head = file.data[:_HEAD_BYTES].lstrip(b"\xef\xbb\xbf")
    if _HTML.match(head):
        return Kind.HTML
    if len(_MAIL_HEADER.findall(re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0])) >= _FEWEST_MAIL_HEADERS:
        return Kind.MAIL
    return _TYPES.get(file.media_type) or _EXTENSIONS.get(file.extension) or Kind.PLAIN
