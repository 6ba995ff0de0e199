"""Files as agents are told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from handlers.base import Document, Hit
from services.box.values import EVERYTHING, File

_PAGE: Final = "https://app.box.com/file/"


def shown_hit(file: File) -> Hit:
    return Hit(id=file.id, title=_title(file), url=_url(file), updated_at=file.modified_at, facts=_facts(file))


def shown_document(file: File, text: str) -> Document:
    told = _facts(file)
    if file.modified_at is not None:
        told["modified_at"] = file.modified_at.isoformat().replace("+00:00", "Z")
    if file.version:
        told["version"] = file.version
    return Document(id=file.id, title=_title(file), url=_url(file), text=text, metadata=told)


def _title(file: File) -> str:
    return file.name.strip() or f"File {file.id}"


def _url(file: File) -> str:
    """Its shared link, which more readers can open; else its own page (Box docs, "Get file information")."""
    link = file.shared_link or ""
    if urlsplit(link).scheme in {"https", "http"}:
        return link
    return f"{_PAGE}{file.id}"


def _facts(file: File) -> dict[str, str]:
    """Those that are known of: path, owner, extension, size, description."""
    known: Mapping[str, str | None] = {
        "path": "/".join(folder.name for folder in file.path if folder.id != EVERYTHING),
        "owner": file.owner.name if file.owner else None,
        "extension": file.extension,
        "size": None if file.size is None else f"{file.size:,} bytes",
        "description": file.description,
    }
    return {name: value for name, value in known.items() if value}
