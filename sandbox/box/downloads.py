"""Files themselves: an address that holds for a while and needs no token, then the bytes, whole or in part."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from sandbox.behaviour import Clock
from sandbox.box.errors import not_found
from sandbox.box.tree import Tree
from sandbox.documents.render import content_type_of, file_bytes
from sandbox.vendor import base_url, grant_of
from sandbox.world import File

LINK_LIFETIME: Final = timedelta(minutes=15)
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")


class Downloads:
    """Links that were given out, and which fresh files were already asked for."""

    def __init__(self, tree: Tree, clock: Clock) -> None:
        self._tree = tree
        self._clock = clock
        self._links: dict[str, tuple[File, datetime]] = {}
        self._ready: set[str] = set()

    async def redirect(self, request: Request) -> Response:
        """302 to the file; 202 the first time a file is asked for that was uploaded this moment."""
        file = self._tree.file(request.path_params["file"], grant_of(request).subject)
        if file.is_fresh and file.id not in self._ready:
            self._ready.add(file.id)
            return Response(status_code=202, headers={"retry-after": "1"})
        link = secrets.token_urlsafe(24)
        self._links[link] = (file, self._clock() + LINK_LIFETIME)
        location = f"{base_url(request)}/dl/d/1/b1!{link}/download"
        return Response(status_code=302, headers={"location": location})

    async def content(self, request: Request) -> Response:
        file, ends_at = self._links.get(request.path_params["link"], (None, self._clock()))
        if file is None or ends_at <= self._clock():
            raise not_found("download")
        data = file_bytes(file.name, file.text)
        headers = {
            "content-disposition": f"attachment; filename*=UTF-8''{quote(file.name)}",
            "accept-ranges": "bytes",
        }
        asked = _RANGE.fullmatch(request.headers.get("range", ""))
        if asked is None:
            return Response(data, media_type=content_type_of(file.name), headers=headers)
        first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
        if first >= len(data):
            return Response(status_code=416, headers={"content-range": f"bytes */{len(data)}"})
        headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
        return Response(data[first : last + 1], 206, headers, content_type_of(file.name))
