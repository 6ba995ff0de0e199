"""Texts that Box makes of files when somebody asks: nothing at first, then pending, then there for good.

"Representations", "Extract text" and "Markdown representation" (Box developer docs): asking is a GET of `info.url`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.box.errors import not_found
from sandbox.box.items import version_id
from sandbox.box.tree import Tree
from sandbox.documents.blocks import blocks
from sandbox.documents.render import extension_of
from sandbox.vendor import base_url, grant_of
from sandbox.world import File

_MARKDOWN: Final = frozenset({"docx", "pptx", "xlsx", "pdf"})
_NO_TEXT: Final = frozenset({"png"})
_GROUP: Final = re.compile(r"\[([^\]]*)\]")


class Representations:
    """What was made so far, of which file."""

    def __init__(self, tree: Tree, polls: int) -> None:
        self._tree = tree
        self._polls = polls
        self._left: dict[tuple[str, str], int] = {}

    def entries(self, file: File, hints: str, request: Request) -> dict[str, object]:
        """The `representations` of a file: of every `[group, of, names]` in the hints the first that it can have."""
        names: list[str] = []
        for group in _GROUP.findall(hints):
            wanted = [name.strip() for name in group.split(",")]
            names += [name for name in wanted if name in _available(file)][:1]
        return {"entries": [self._entry(file, name, request) for name in names]}

    async def info(self, request: Request) -> Response:
        """Asks for it to be made, and tells how far it is."""
        file, name = self._wanted(request)
        key = (file.id, name)
        answer = self._entry(file, name, request)
        if key not in self._left:
            self._left[key] = self._polls
        elif self._left[key] > 0:
            self._left[key] -= 1
        answer["status"] = {"state": self._state(file, name)}
        return JSONResponse(answer)

    async def content(self, request: Request) -> Response:
        """The text itself; "not yet" as long as it is not there."""
        file, name = self._wanted(request)
        if self._state(file, name) != "success":
            return Response(status_code=202, headers={"retry-after": "1"})
        text = file.text if name == "markdown" else plain_text(file)
        return Response(text, media_type="text/markdown" if name == "markdown" else "text/plain")

    def _wanted(self, request: Request) -> tuple[File, str]:
        file = self._tree.file(request.path_params["file"], grant_of(request).subject)
        name = request.path_params["name"]
        if name not in _available(file) or request.path_params["version"] != version_id(file):
            raise not_found("representation")
        return file, name

    def _state(self, file: File, name: str) -> str:
        left = self._left.get((file.id, name))
        if left is None:
            return "none"
        return "pending" if left > 0 else "success"

    def _entry(self, file: File, name: str, request: Request) -> dict[str, object]:
        place = f"2.0/internal_files/{file.id}/versions/{version_id(file)}/representations/{name}"
        base = base_url(request)
        return {
            "representation": name,
            "properties": {},
            "info": {"url": f"{base}/{place}"},
            "status": {"state": self._state(file, name)},
            "content": {"url_template": f"{base}/dl/{place}/content/{{+asset_path}}"},
        }


def plain_text(file: File) -> str:
    """The file's text without its marks."""
    if extension_of(file.name) in {"txt", "md", "csv", "xlsx", "eml"}:
        return file.text
    return "\n\n".join(
        "\n".join(" ".join(row) for row in block.rows) if block.kind == "table" else block.text
        for block in blocks(file.text)
    )


def _available(file: File) -> Sequence[str]:
    extension = extension_of(file.name)
    if extension in _NO_TEXT:
        return ()
    return ("markdown", "extracted_text") if extension in _MARKDOWN else ("extracted_text",)
