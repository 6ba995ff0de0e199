"""Office files are archives of XML: looked through before any library unpacks them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

from services.text.extracted import File

_MOST_MEMBERS = 20_000
_CHUNK_BYTES = 1 << 20
_XML = (".xml", ".rels", ".vml")
# No Office program writes a document type; whoever does wants entities expanded or files included. In UTF-16 too.
_DECLARATION = re.compile(rb"<\x00?!\x00?(?:D\x00?O\x00?C\x00?T\x00?Y\x00?P\x00?E|E\x00?N\x00?T\x00?I\x00?T\x00?Y)")
_OVERLAP_BYTES = 32


class Unsafe(Exception):
    """The archive is not what an Office program writes; the message is the note for the reader."""


def check(file: File) -> None:
    """Raises Unsafe for an archive that unpacks to too much, as declared or in truth, that is locked, or whose XML
    declares entities."""
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        members = archive.infolist()
        if len(members) > _MOST_MEMBERS or sum(member.file_size for member in members) > file.limits.unpacked_bytes:
            raise Unsafe(f"not read: unpacked it is larger than {file.limits.unpacked_bytes // 1_000_000} MB.")
        if any(member.flag_bits & 1 for member in members):
            raise Unsafe("locked with a password, so it was not read.")
        for member in members:
            if member.filename.lower().endswith(_XML):
                _check_xml(archive, member)


def _check_xml(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Reading to the end also compares size and checksum with what is declared; zipfile raises BadZipFile."""
    tail = b""
    for chunk in _chunks(archive, member):
        if _DECLARATION.search(tail + chunk):
            raise Unsafe("not read: its XML declares a document type, as only attacks do.")
        tail = chunk[-_OVERLAP_BYTES:]


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk
