"""Stylesheets, scripts and icons. Their addresses change with their content, so browsers may keep them for good.

Third-party files are served out of node_modules, as `npm ci --ignore-scripts` puts them there, and never committed.
Without them the pages still work: they are plain, and every form is a form.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from web.edge import ROUTE
from web.icons import sprite

_OWN: Final = Path(__file__).parent / "static"
_PACKAGES: Final = Path(__file__).parent.parent / "node_modules"
_PACKAGED: Final = {
    "tabler.css": "@tabler/core/dist/css/tabler.min.css",
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
}
_ICONS: Final = "@tabler/icons/icons/outline"
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_FOR_GOOD: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file under the address that belongs to its content. Serves itself."""

    path: str
    media_type: str
    plain: bytes
    compressed: bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = "/assets/*"
        await self._reply(scope)(scope, receive, send)

    def _reply(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"Allow": "GET, HEAD"})
        headers = {"Cache-Control": _FOR_GOOD, "Vary": "Accept-Encoding"}
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            return Response(
                self.compressed, media_type=self.media_type, headers={**headers, "Content-Encoding": "gzip"}
            )
        return Response(self.plain, media_type=self.media_type, headers=headers)


@cache
def published() -> Mapping[str, Asset]:
    """Name to asset, read once per process."""
    return {name: _asset(name, content) for name, content in _files()}


def assets() -> dict[str, ASGIApp]:
    """Path to application: what the pages of every host refer to."""
    return {asset.path: asset for asset in published().values()}


def asset_path(name: str) -> str:
    """The address of one of our own files, or of a package's."""
    return published()[name].path


def missing_packages() -> list[str]:
    """Third-party files that are not there, as they are named in their packages."""
    return [file for file in (*_PACKAGED.values(), _ICONS) if not (_PACKAGES / file).exists()]


def _files() -> Iterator[tuple[str, bytes]]:
    for file in sorted(_OWN.iterdir()):
        if file.suffix in _TYPES:
            yield file.name, file.read_bytes()
    for name, place in _PACKAGED.items():
        file = _PACKAGES / place
        yield name, file.read_bytes() if file.is_file() else b""
    yield "icons.svg", sprite(_PACKAGES / _ICONS).encode()


def _asset(name: str, content: bytes) -> Asset:
    digest = hashlib.sha256(content).hexdigest()[:12]
    media_type = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(f"/assets/{digest}/{name}", media_type, content, gzip.compress(content, 9, mtime=0))
