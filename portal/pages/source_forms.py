"""Adding a source and changing one: the form is drawn from the settings of its kind, tried out, and saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from database.models import Source
from errors import GatehouseError
from handlers.base import Handler
from portal import forms
from portal.actions.sources import SourceForm
from portal.pages.guides import has_guide
from portal.pages.screen import Own, OwnScreen
from portal.pages.sources import cards, told
from portal.refusals import Refusal, parse
from portal.texts.catalogue import t
from repositories.paging import Window
from schemas.fields import Message, Name
from schemas.sources import CheckResult

CHECK: Final = "check"
ADD: Final = "add:"
REMOVE: Final = "remove:"

router = APIRouter(prefix="/sources", include_in_schema=False)


class _Named(Message):
    name: Name


@router.get("/new")
async def choose_kind(screen: Own) -> Response:
    return screen.page("source_kinds.html", {"handlers": list(screen.portal.registry)})


@router.get("/new/{kind}")
async def new_page(kind: str, screen: Own) -> Response:
    handler = screen.portal.registry.get(kind)
    return await _page(screen, handler, settings={}, name="")


@router.post("/new/{kind}")
async def add_source(kind: str, screen: Own) -> Response:
    """Tries the settings, adds or takes away a group of them, or saves the source and checks it."""
    portal, typed = screen.portal, screen.typed
    handler = portal.registry.get(kind)
    settings, todo = forms.collect(handler.config, typed), typed.get("do")
    if todo == CHECK:
        return await _tried(screen, handler, settings)
    if todo.startswith((ADD, REMOVE)):
        return await _page(screen, handler, settings=_regrouped(settings, todo), name=typed.get("name"))
    try:
        named = parse(_Named, {"name": typed.get("name")})
        source = await portal.sources.create(screen.person, SourceForm(named.name, handler.key, settings))
    except GatehouseError as error:
        return await _page(screen, handler, settings=settings, name=typed.get("name"), error=error)
    return await _saved(screen, source)


@router.get("/{source_id}")
async def edit_page(source_id: UUID, screen: Own) -> Response:
    source = await screen.portal.sources.get(screen.person, source_id)
    handler = screen.portal.registry.get(source.type)
    return await _page(screen, handler, settings=source.config, name=source.name, source=source)


@router.post("/{source_id}")
async def change_source(source_id: UUID, screen: Own) -> Response:
    """Like adding; secrets that are left empty stay as they are."""
    portal, typed = screen.portal, screen.typed
    source = await portal.sources.get(screen.person, source_id)
    handler = portal.registry.get(source.type)
    settings, todo = forms.collect(handler.config, typed), typed.get("do")
    if todo == CHECK:
        return await _tried(screen, handler, settings, source)
    if todo.startswith((ADD, REMOVE)):
        regrouped = _regrouped(settings, todo)
        return await _page(screen, handler, settings=regrouped, name=typed.get("name"), source=source)
    try:
        named = parse(_Named, {"name": typed.get("name")})
        form = SourceForm(named.name, handler.key, settings)
        changed = await portal.sources.replace(screen.person, source_id, form)
    except GatehouseError as error:
        return await _page(screen, handler, settings=settings, name=typed.get("name"), source=source, error=error)
    return await _saved(screen, changed)


async def _saved(screen: OwnScreen, source: Source) -> Response:
    """Checked right away, so that nobody finds out later."""
    result = await screen.portal.sources.check(screen.person, source.id)
    if not result.ok:
        return screen.go(f"/sources/{source.id}", t("sources.form.saved_unconnected"), kind="wait")
    has_server = (await screen.portal.servers.list_mine(screen.person, Window(1))).items
    return screen.go("/sources" if has_server else "/welcome", told(source.name, result))


async def _tried(
    screen: OwnScreen, handler: Handler[Any], settings: Mapping[str, Any], source: Source | None = None
) -> Response:
    """How a connection with these settings goes; in place, only that."""
    sources, error, result = screen.portal.sources, None, None
    try:
        if source is None:
            result = await sources.try_out(handler.key, settings)
        else:
            result = await sources.try_change(screen.person, source.id, settings)
    except GatehouseError as refused:
        error = refused
    if not screen.in_place:
        name = screen.typed.get("name")
        return await _page(screen, handler, settings=settings, name=name, source=source, error=error, result=result)
    refusal = None if error is None else Refusal.of(error)
    labels = {name: label for field in forms.draw(handler.config, settings) for name, label in field.labels()}
    return screen.part("source_check.html", {"result": result, "refusal": refusal, "labels": labels})


async def _page(
    screen: OwnScreen,
    handler: Handler[Any],
    *,
    settings: Mapping[str, Any],
    name: str,
    source: Source | None = None,
    error: GatehouseError | None = None,
    result: CheckResult | None = None,
) -> Response:
    stored = screen.portal.sources.secret_names(source) if source is not None else ()
    fields = forms.draw(handler.config, settings, stored=stored)
    labels = {name: label for field in fields for name, label in field.labels()}
    refusal = None if error is None else Refusal.of(error, shown=("name", *labels))
    values = {
        "handler": handler,
        "fields": fields,
        "name": name,
        "source": source,
        "card": (await cards(screen, [source]))[0] if source is not None else None,
        "guide": has_guide(handler.key),
        "refusal": refusal,
        "result": result,
        "labels": labels,
        "action": f"/sources/new/{handler.key}" if source is None else f"/sources/{source.id}",
        "typed_before": screen.request.method == "POST",
    }
    return screen.page("source_form.html", values, refusal.status if refusal else 200)


def _regrouped(settings: Mapping[str, Any], todo: str) -> dict[str, Any]:
    path = todo.partition(":")[2].removeprefix(f"{forms.ROOT}.")
    change = forms.with_one_more if todo.startswith(ADD) else forms.with_one_fewer
    return change(settings, path)
