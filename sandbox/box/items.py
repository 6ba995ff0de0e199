"""Files, folders, users and comments as Box writes them in JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sandbox.box.tree import ROOT, Tree
from sandbox.documents.render import extension_of, file_bytes
from sandbox.world import BoxUser, Comment, File, Folder

Shown = Callable[[], object]
_BASE: Final = ("type", "id", "etag")
_MINI: Final = (*_BASE, "sequence_id", "name")


def file_json(file: File, tree: Tree, fields: Sequence[str] | None, extra: Mapping[str, object]) -> dict[str, object]:
    """A file: without `fields` in its standard form, with them only those beside type, id and etag.

    `extra` holds fields that depend on the request, such as `representations`; they too only come when asked for.
    """
    shown = _file_fields(file, tree) | {name: lambda value=value: value for name, value in extra.items()}
    return _chosen(shown, fields, _STANDARD_FILE)


def folder_json(folder: Folder, tree: Tree, fields: Sequence[str] | None) -> dict[str, object]:
    """A folder, likewise."""
    return _chosen(_folder_fields(folder, tree), fields, _STANDARD_FOLDER)


def item_json(item: Folder | File, tree: Tree, fields: Sequence[str] | None) -> dict[str, object]:
    """Either, as searches list them."""
    return file_json(item, tree, fields, {}) if isinstance(item, File) else folder_json(item, tree, fields)


def mini_json(item: Folder | File, tree: Tree, fields: Sequence[str] | None) -> dict[str, object]:
    """Either, as folders list them: short unless fields are asked for."""
    short = [*_MINI, "sha1"] if isinstance(item, File) else list(_MINI)
    return item_json(item, tree, fields if fields is not None else short)


def user_json(user: BoxUser) -> dict[str, object]:
    return {"type": "user", "id": user.id, "name": user.name, "login": user.login}


def comment_json(comment: Comment, file: File, tree: Tree) -> dict[str, object]:
    return {
        "type": "comment",
        "id": comment.id,
        "is_reply_comment": False,
        "message": comment.text,
        "created_by": user_json(tree.user(comment.author)),
        "created_at": moment(comment.created_at),
        "modified_at": moment(comment.created_at),
        "item": {"type": "file", "id": file.id},
    }


def parse_fields(option: str | None) -> list[str] | None:
    """The names in `fields`; None without any. Names that nothing has are passed over, as Box does."""
    return [name.strip() for name in option.split(",") if name.strip()] if option else None


def version_id(file: File) -> str:
    return f"{file.id}1"


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}+00:00"


def _chosen(shown: Mapping[str, Shown], fields: Sequence[str] | None, standard: Sequence[str]) -> dict[str, object]:
    names = standard if fields is None else dict.fromkeys((*_BASE, *fields))
    return {name: shown[name]() for name in names if name in shown}


def _file_fields(file: File, tree: Tree) -> dict[str, Shown]:
    owner = tree.user(file.owner)
    return {
        "type": lambda: "file",
        "id": lambda: file.id,
        "etag": lambda: "0",
        "sequence_id": lambda: "0",
        "name": lambda: file.name,
        "sha1": lambda: _sha1(file),
        "file_version": lambda: {"type": "file_version", "id": version_id(file), "sha1": _sha1(file)},
        "description": lambda: file.description,
        "size": lambda: len(file_bytes(file.name, file.text)),
        "extension": lambda: extension_of(file.name),
        "path_collection": lambda: _path(tree, file),
        "parent": lambda: _parent(tree, file),
        "created_at": lambda: moment(file.created_at),
        "modified_at": lambda: moment(file.modified_at),
        "content_created_at": lambda: moment(file.created_at),
        "content_modified_at": lambda: moment(file.modified_at),
        "trashed_at": lambda: None,
        "purged_at": lambda: None,
        "created_by": lambda: user_json(owner),
        "modified_by": lambda: user_json(owner),
        "owned_by": lambda: user_json(owner),
        "shared_link": lambda: _shared_link(file),
        "item_status": lambda: "active",
        "tags": lambda: list(file.tags),
        "comment_count": lambda: len(file.comments),
        "version_number": lambda: "1",
    }


def _folder_fields(folder: Folder, tree: Tree) -> dict[str, Shown]:
    return {
        "type": lambda: "folder",
        "id": lambda: folder.id,
        "etag": lambda: None if folder is ROOT else "0",
        "sequence_id": lambda: None if folder is ROOT else "0",
        "name": lambda: folder.name,
        "description": lambda: folder.description,
        "path_collection": lambda: {"total_count": 0, "entries": []} if folder is ROOT else _path(tree, folder),
        "parent": lambda: None if folder is ROOT else _parent(tree, folder),
        "item_status": lambda: "active",
    }


_STANDARD_FILE: Final = (
    "type", "id", "etag", "sequence_id", "name", "sha1", "file_version", "description", "size", "path_collection",
    "created_at", "modified_at", "trashed_at", "purged_at", "content_created_at", "content_modified_at", "created_by",
    "modified_by", "owned_by", "shared_link", "parent", "item_status",
)  # fmt: skip
_STANDARD_FOLDER: Final = (*_MINI, "description", "path_collection", "parent", "item_status")


def _path(tree: Tree, item: Folder | File) -> dict[str, object]:
    entries = [_short(folder) for folder in (ROOT, *tree.path(item))]
    return {"total_count": len(entries), "entries": entries}


def _parent(tree: Tree, item: Folder | File) -> dict[str, object]:
    return _short((ROOT, *tree.path(item))[-1])


def _short(folder: Folder) -> dict[str, object]:
    number = None if folder is ROOT else "0"
    return {"type": "folder", "id": folder.id, "sequence_id": number, "etag": number, "name": folder.name}


def _sha1(file: File) -> str:
    return hashlib.sha1(file_bytes(file.name, file.text), usedforsecurity=False).hexdigest()


def _shared_link(file: File) -> dict[str, object] | None:
    if file.shared_link is None:
        return None
    return {
        "url": file.shared_link,
        "download_url": None,
        "vanity_url": None,
        "vanity_name": None,
        "access": "company",
        "effective_access": "company",
        "effective_permission": "can_download",
        "is_password_enabled": False,
        "unshared_at": None,
        "download_count": 0,
        "preview_count": 0,
        "permissions": {"can_preview": True, "can_download": True, "can_edit": False},
    }
