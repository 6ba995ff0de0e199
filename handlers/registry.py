"""Finds the handlers: every package here that offers a `HANDLER`."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import handlers
from errors import NotFound
from handlers.base import Handler, SourceConfig

_SLUG = re.compile(r"[a-z]{2,12}")
_KEY = re.compile(r"[a-z][a-z0-9_]{1,30}")


class Registry:
    """The kinds of sources this process knows, in the order of their keys."""

    def __init__(self, found: Iterable[Handler[Any]]) -> None:
        ordered = sorted(found, key=lambda handler: handler.key)
        for handler in ordered:
            _accept(handler)
        self._by_key: Mapping[str, Handler[Any]] = MappingProxyType({handler.key: handler for handler in ordered})
        if len(self._by_key) != len(ordered) or len({handler.slug for handler in ordered}) != len(ordered):
            raise ValueError("two handlers share a key or a slug")

    def __iter__(self) -> Iterator[Handler[Any]]:
        return iter(self._by_key.values())

    def get(self, key: str) -> Handler[Any]:
        """The handler of this kind. Raises NotFound."""
        try:
            return self._by_key[key]
        except KeyError:
            raise NotFound(f"There is no kind of source called {key!r}.") from None


def discover() -> Registry:
    """All handlers found in the packages below this one. A package that does not import fails the start."""
    packages = (entry.name for entry in pkgutil.iter_modules(handlers.__path__) if entry.ispkg)
    return Registry(importlib.import_module(f"handlers.{name}").HANDLER for name in packages)


def _accept(handler: Handler[Any]) -> None:
    if not _KEY.fullmatch(handler.key) or not _SLUG.fullmatch(handler.slug):
        raise ValueError(f"handler {handler.key!r}: key or slug has a form that ids and tool names cannot carry")
    if not issubclass(handler.config, SourceConfig):
        raise TypeError(f"handler {handler.key!r}: its config is no SourceConfig")
    for name, field in handler.config.model_fields.items():
        if not field.title or not field.description:
            raise ValueError(f"handler {handler.key!r}: setting {name!r} needs a title and a description")
