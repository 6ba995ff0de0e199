"""Forms out of config models: what a template draws for a kind of source, and the settings out of what was typed.

A field's name is its dotted path (`config.queries.0.sql`), the same that an error about it carries. Secrets are never
drawn: an empty secret means that the stored one stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from portal.pages.typed import Typed

ROOT: Final = "config"
ON: Final = "on"
CLEAR: Final = "clear"

_LONG: Final = 2_000
"""A text that may be longer than this gets several lines."""


class Kind(StrEnum):
    """What an input looks like."""

    TEXT = "text"
    LONG = "long"
    LINES = "lines"
    """One value per line."""
    NUMBER = "number"
    SECRET = "secret"  # noqa: S105 - the name of a kind
    CHECK = "check"
    CHOICE = "choice"
    GROUP = "group"
    """Fields that belong together and may be left out as a whole."""
    GROUPS = "groups"
    """Any number of such groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input, or a group of them, as the template draws it."""

    name: str
    label: str
    help: str
    kind: Kind
    required: bool = False
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    """Value and label of each."""
    is_on: bool = False
    """Ticked, or a group that is in use, or a secret that is stored."""
    fields: tuple[Field, ...] = ()

    def labels(self) -> Iterator[tuple[str, str]]:
        """Name and label of the field and of all fields in it."""
        yield self.name, self.label
        for inner in self.fields:
            yield from inner.labels()


def draw(
    model: type[BaseModel], values: Mapping[str, Any], *, stored: Sequence[str] = (), at: str = ROOT
) -> tuple[Field, ...]:
    """The model's fields with these settings in them; `stored` names the secrets that there are already."""
    return tuple(
        _draw(info, f"{at}.{name}", values.get(name), stored=name in stored)
        for name, info in model.model_fields.items()
    )


def collect(model: type[BaseModel], typed: Typed, *, at: str = ROOT) -> dict[str, Any]:
    """The settings that were typed, not yet checked. What was left empty is left out, so that it takes its default."""
    settings: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        found = _collect(_shape(info.annotation, info.metadata), typed, f"{at}.{name}")
        if found is not _NOTHING:
            settings[name] = found
    return settings


def with_one_more(settings: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The settings with an empty group at the end of those under `path` (`queries`, `queries.0.parameters`)."""
    return _changed(settings, path.split("."), lambda groups: [*groups, {}])


def with_one_fewer(settings: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The settings without the group at `path` (`queries.1`)."""
    *where, last = path.split(".")
    if not where or not last.isdecimal():
        return dict(settings)
    number = int(last)
    return _changed(settings, where, lambda groups: [one for at, one in enumerate(groups) if at != number])


class _Nothing:
    """See `_NOTHING`."""


_NOTHING: Final = _Nothing()
"""Nothing was typed, which is not the same as None: that empties a setting."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What sort of input a setting needs."""

    kind: Kind
    choices: tuple[tuple[str, str], ...] = ()
    model: type[BaseModel] = BaseModel
    """Of a group, or of each of the groups."""


def _shape(annotation: object, metadata: Sequence[object] = ()) -> _Shape:
    """Raises TypeError for a setting that no form can ask for."""
    core, marks = _core(annotation)
    simple = {SecretStr: Kind.SECRET, bool: Kind.CHECK, int: Kind.NUMBER}
    if core in simple:
        return _Shape(simple[core])
    if core is str:
        return _Shape(Kind.LONG if _longest([*metadata, *marks]) > _LONG else Kind.TEXT)
    if get_origin(core) is Literal:
        return _Shape(Kind.CHOICE, choices=tuple((str(one), str(one)) for one in get_args(core)))
    if isinstance(core, type) and issubclass(core, BaseModel):
        return _Shape(Kind.GROUP, model=core)
    if get_origin(core) in (tuple, list):
        each = _shape(get_args(core)[0])
        if each.kind is Kind.GROUP:
            return _Shape(Kind.GROUPS, model=each.model)
        if each.kind is Kind.TEXT:
            return _Shape(Kind.LINES)
    raise TypeError(f"no form can ask for {annotation}")


def _core(annotation: object) -> tuple[Any, list[object]]:
    """The type inside `Annotated` and `| None`, and what was annotated on the way."""
    marks: list[object] = []
    while True:
        inner = [part for part in get_args(annotation) if part is not NoneType]
        if get_origin(annotation) is Annotated:
            annotation, *found = inner
            marks.extend(found)
        elif get_origin(annotation) in (Union, UnionType) and len(inner) == 1:
            annotation = inner[0]
        else:
            return annotation, marks


def _longest(marks: Sequence[object]) -> int:
    """The most characters that a text may have; 0 where nothing says so."""
    return max((length for mark in marks if isinstance(length := getattr(mark, "max_length", None), int)), default=0)


def _draw(info: FieldInfo, name: str, value: Any, *, stored: bool) -> Field:
    shape = _shape(info.annotation, info.metadata)
    field = Field(
        name=name,
        label=info.title or name.rpartition(".")[2],
        help=info.description or "",
        kind=shape.kind,
        required=info.is_required(),
        choices=shape.choices,
    )
    if value is None and isinstance(info.default, (str, bool, int)):
        value = info.default
    match shape.kind:
        case Kind.SECRET:
            return replace(field, is_on=stored)
        case Kind.CHECK:
            return replace(field, is_on=value is True)
        case Kind.LINES:
            return replace(field, value="\n".join(map(str, value or ())))
        case Kind.GROUP:
            return replace(field, is_on=value is not None, fields=draw(shape.model, value or {}, at=name))
        case Kind.GROUPS:
            groups = tuple(_one_of(field, shape, number, one) for number, one in enumerate(value or ()))
            return replace(field, fields=groups)
        case _:
            return replace(field, value="" if value is None else str(value))


def _one_of(field: Field, shape: _Shape, number: int, value: Mapping[str, Any]) -> Field:
    name = f"{field.name}.{number}"
    return Field(
        name=name, label=f"{field.label} {number + 1}", help="", kind=Kind.GROUP, is_on=True,
        fields=draw(shape.model, value, at=name),
    )  # fmt: skip


def _collect(shape: _Shape, typed: Typed, name: str) -> object:
    text = typed.get(name).strip() if shape.kind is not Kind.SECRET else typed.get(name)
    match shape.kind:
        case Kind.CHECK:
            return name in typed
        case Kind.SECRET if f"{name}.{CLEAR}" in typed:
            return None
        case Kind.NUMBER if text.lstrip("-").isdecimal():
            return int(text)
        case Kind.LINES:
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return lines or _NOTHING
        case Kind.GROUP:
            return collect(shape.model, typed, at=name) if f"{name}.{ON}" in typed else _NOTHING
        case Kind.GROUPS:
            groups = [collect(shape.model, typed, at=f"{name}.{number}") for number in typed.numbers_below(name)]
            return groups or _NOTHING
        case _:
            return text or _NOTHING


def _changed(
    settings: Mapping[str, Any], path: Sequence[str], change: Callable[[list[Any]], list[Any]]
) -> dict[str, Any]:
    """A copy whose list at `path` is another; unchanged where the path leads nowhere."""
    name, *rest = path
    changed = dict(settings)
    if not rest:
        changed[name] = change(list(changed.get(name, ())))
        return changed
    number, groups = rest[0], list(changed.get(name, ()))
    if number.isdecimal() and int(number) < len(groups) and len(rest) > 1:
        groups[int(number)] = _changed(groups[int(number)], rest[1:], change)
        changed[name] = groups
    return changed
