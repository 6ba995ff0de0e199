"""Pages: nothing from other hosts, nothing inline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.assets import asset_path
from web.icons import ICONS

SCHEME_COOKIE: Final = "scheme"
SCHEMES: Final = frozenset({"light", "dark"})

_POLICY: Final = (
    "default-src 'none'; {more}style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_REFERRER: Final = "same-origin"
"""Under `no-referrer`, browsers send `Origin: null` with forms, as any other site's page could."""

PAGE_HEADERS: Final = {"Content-Security-Policy": _POLICY.format(more=""), "Referrer-Policy": _REFERRER}
"""For pages without scripts."""

SCRIPTED_PAGE_HEADERS: Final = {
    "Content-Security-Policy": _POLICY.format(more="script-src 'self'; connect-src 'self'; "),
    "Referrer-Policy": _REFERRER,
}
"""For pages with our own scripts, none of which is inline."""

_TEMPLATES: Final = Path(__file__).parent / "templates"


class Pages:
    """Renders templates of the given folders, each of which may extend `layout.html` of this one. They are given
    `asset(name)` for addresses of stylesheets and scripts, `icon(name)`, and `more` by name."""

    def __init__(self, *folders: Path, **more: Any) -> None:
        self._environment = Environment(
            loader=FileSystemLoader([*folders, _TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(asset=asset_path, icon=_icon, scheme="", **more)

    def render(
        self,
        template: str,
        values: Mapping[str, Any],
        status: int = 200,
        headers: Mapping[str, str] = PAGE_HEADERS,
    ) -> HTMLResponse:
        text = self._environment.get_template(template).render(values)
        return HTMLResponse(text, status_code=status, headers=dict(headers))


def chosen_scheme(request: Request) -> str:
    """light or dark where the reader chose, else empty: as their system has it."""
    given = request.cookies.get(SCHEME_COOKIE, "")
    return given if given in SCHEMES else ""


def asked_in_place(request: Request) -> bool:
    """Whether htmx asks, which puts the reply into the page that is open."""
    return request.headers.get("hx-request") == "true"


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


def _icon(name: str) -> Markup:
    """Decoration: what it stands for is said in words beside it. Raises KeyError for a name that web/icons.py lacks."""
    if name not in ICONS:
        raise KeyError(name)
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        asset_path("icons.svg"), name
    )
