"""Sources. The body of a source is a union over the registered handlers, built here: a new handler needs no route."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, SecretStr, create_model

from handlers.base import Handler, SourceConfig, secret_fields
from portal.actions.sources import SourceForm
from portal.api import views
from portal.api.dependencies import Part, Person, Use
from schemas.fields import Message, Name
from schemas.listing import Listing
from schemas.sources import CheckResult, Source, SourceType

EndpointT = TypeVar("EndpointT", bound=Callable[..., Awaitable[Any]])
Kind = tuple[str, type[SourceConfig]]
"""What the routes know of a handler: its key and its settings."""


def router_for(kinds: Sequence[Kind]) -> APIRouter:
    """The routes, with bodies that describe every kind of source in OpenAPI."""
    router = APIRouter(tags=["sources"])
    create_form = _union(_create_form(*kind) for kind in kinds)
    replace_form = _union(_replace_form(*kind) for kind in kinds)
    check_form = _union(_check_form(*kind) for kind in kinds)

    @router.get("/source-types", summary="Kinds of sources")
    async def list_source_types(portal: Use, _person: Person) -> Listing[SourceType]:
        return Listing(items=[_source_type(handler) for handler in portal.registry])

    @router.get("/sources", summary="Your sources")
    async def list_sources(portal: Use, person: Person, part: Part) -> Listing[Source]:
        page = await portal.sources.list_mine(person, part)
        return views.listing(page, lambda row: views.source(row, portal.sources.secret_names(row)))

    @router.post("/sources", status_code=201, summary="Add a source")
    @_with_body(create_form)
    async def add_source(form: Any, portal: Use, person: Person) -> Source:
        """Saved as it is; check it first, or after."""
        row = await portal.sources.create(person, SourceForm(form.name, form.type, _typed(form.config)))
        return views.source(row, portal.sources.secret_names(row))

    @router.post("/sources/check", summary="Try settings before saving them")
    @_with_body(check_form)
    async def try_source(form: Any, portal: Use, _person: Person) -> CheckResult:
        """Connects and says who we are there, or what is wrong and how to mend it."""
        return await portal.sources.try_out(form.type, _typed(form.config))

    @router.get("/sources/{source_id}", summary="A source")
    async def get_source(source_id: UUID, portal: Use, person: Person) -> Source:
        row = await portal.sources.get(person, source_id)
        return views.source(row, portal.sources.secret_names(row))

    @router.put("/sources/{source_id}", summary="Replace a source")
    @_with_body(replace_form)
    async def replace_source(source_id: UUID, form: Any, portal: Use, person: Person) -> Source:
        """A secret that is left out stays, unless a setting changes that decides where or as whom we connect."""
        row = await portal.sources.replace(person, source_id, SourceForm(form.name, form.type, _typed(form.config)))
        return views.source(row, portal.sources.secret_names(row))

    @router.delete("/sources/{source_id}", status_code=204, summary="Delete a source")
    async def delete_source(source_id: UUID, portal: Use, person: Person) -> None:
        """Its secrets are destroyed; servers that use it go on without it."""
        await portal.sources.delete(person, source_id)

    @router.post("/sources/{source_id}/check", summary="Check a source")
    async def check_source(source_id: UUID, portal: Use, person: Person) -> CheckResult:
        return await portal.sources.check(person, source_id)

    return router


def _with_body(form: Any) -> Callable[[EndpointT], EndpointT]:
    """Gives the endpoint's `form` a type known only at run time; FastAPI reads it when the route is registered."""

    def annotate(endpoint: EndpointT) -> EndpointT:
        endpoint.__annotations__["form"] = form
        return endpoint

    return annotate


def _create_form(key: str, config: type[SourceConfig]) -> type[BaseModel]:
    return create_model(
        f"{_camel(key)}Source",
        __base__=Message,
        name=(Name, ...),
        type=(_literal(key), ...),
        config=(config, ...),
    )


def _check_form(key: str, config: type[SourceConfig]) -> type[BaseModel]:
    return create_model(
        f"{_camel(key)}Check",
        __base__=Message,
        type=(_literal(key), ...),
        config=(config, ...),
    )


def _replace_form(key: str, config: type[SourceConfig]) -> type[BaseModel]:
    """Like the create form, but every secret may be left out. What the settings must fulfil together is checked once
    the stored secrets have been added."""
    fields: dict[str, Any] = {}
    for name, info in config.model_fields.items():
        if name in secret_fields(config):
            field = Field(default=None, title=info.title, description=f"{info.description} Left out: stays as it is.")
            fields[name] = (SecretStr | None, field)
        else:
            fields[name] = (info.annotation, info)
    with warnings.catch_warnings():  # a setting may be called `schema`, like a method pydantic has given up
        warnings.filterwarnings("ignore", message="Field name .* shadows", category=UserWarning)
        replacement = create_model(f"{config.__name__}Replacement", __config__=SourceConfig.model_config, **fields)
    return create_model(
        f"{_camel(key)}Replacement",
        __base__=Message,
        name=(Name, ...),
        type=(_literal(key), ...),
        config=(replacement, ...),
    )


def _literal(value: str) -> Any:
    """The discriminator of one kind."""
    return Literal[value]


def _union(forms: Iterable[type[BaseModel]]) -> Any:
    union: Any = Union[tuple(forms)]  # noqa: UP007 - made at run time
    return Annotated[union, Field(discriminator="type")]


def _typed(config: BaseModel) -> dict[str, Any]:
    """The settings that were given, secrets still wrapped."""
    return {name: getattr(config, name) for name in config.model_fields_set}


def _source_type(handler: Handler[Any]) -> SourceType:
    return SourceType(
        type=handler.key,
        title=handler.title,
        description=handler.description,
        config_schema=handler.config.model_json_schema(),
        secrets=sorted(handler.secret_fields()),
    )


def _camel(key: str) -> str:
    return "".join(part.capitalize() for part in key.split("_"))
