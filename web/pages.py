"""Plain pages: no script, nothing from other hosts, nothing inline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse
from starlette.types import ASGIApp

PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
}

_TEMPLATES: Final = Path(__file__).parent / "templates"
_STYLESHEET: Final = Path(__file__).parent / "static" / "page.css"


class Pages:
    """Renders templates of the given folders, each of which may extend `layout.html` of this one."""

    def __init__(self, *folders: Path) -> None:
        self._environment = Environment(
            loader=FileSystemLoader([*folders, _TEMPLATES]), autoescape=True, undefined=StrictUndefined
        )

    def render(self, template: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
        text = self._environment.get_template(template).render(values)
        return HTMLResponse(text, status_code=status, headers=PAGE_HEADERS)


def prefers_html(request: Request) -> bool:
    """Whether a person is reading: text/html is accepted, and with no less weight than JSON."""
    html, json = 0.0, 0.0
    for part in request.headers.get("accept", "").split(","):
        kind, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        if kind.strip() == "text/html":
            html = max(html, weight)
        elif kind.strip() in ("application/json", "application/problem+json"):
            json = max(json, weight)
    return html > 0 and html >= json


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


def assets() -> dict[str, ASGIApp]:
    """Path to application: what the pages of every host refer to."""
    return {"/assets/page.css": FileResponse(_STYLESHEET, headers={"Cache-Control": "public, max-age=3600"})}
