"""The tests that every kind of source inherits.

    class TestBox(HandlerContract):
        handler = HANDLER
        finds = "quarterly plan"                              # finds at least two documents of the stand-in

        @pytest.fixture
        def settings(self, box):                              # what a user would send, of a source that answers
            return {"client_id": "abc", "client_secret": "s3cret", ...}

Tools, and settings with every secret in them, are taken from `settings` and `other_settings`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from errors import Invalid, NotFound
from handlers.base import Browsable, DatabaseRules, Handler, Lent, Peeks, SearchQuery, Source, SourceConfig, Tool
from handlers.registry import Registry

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CANARY = "canary-5ecret-94c1"
LONGEST_KEY = "abcdefghijkl-1234567"
STRANGE_IDS = (
    "",
    " ",
    "no-such-id-anywhere",
    "0",
    "-1",
    "1e3",
    "1 ",
    "999999999999999999999999",
    "1\0",
    "\0",
    "1\r\nX-Injected: yes",
    "x" * 2_000,
    "../../etc/passwd",
    "%00",
    "1' OR '1'='1",
    "1; DROP TABLE customers; --",
    "1 UNION SELECT password FROM users",
    "' || (SELECT 1) || '",
    "\u0661",
    "\ud800",
    "\U0001f600",
)
STRANGE_QUERIES = (
    "'",
    '"',
    "*",
    "%",
    "_",
    "\\",
    "()",
    "NOT",
    'a" OR "b',
    "NEAR(a b, 5)",
    "{name email} : x",
    "-- comment",
    "a\0b",
    "\r\n",
    "\ud800",
    "\U0001f600",
    "word " * 199,
    "x" * 1_000,
    "'; DROP TABLE customers; --",
    "AND OR NOT",
    ":a %s $1 ?",
)


@pytest.mark.anyio
class HandlerContract:
    """What holds for every kind of source, tried on one that answers."""

    handler: ClassVar[Handler[Any]]
    finds: ClassVar[str]
    other_settings: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """More settings that validate, for their tools; nobody connects with them."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        raise NotImplementedError

    @pytest.fixture
    def lent(self, tmp_path: Path) -> Lent:
        folder = tmp_path / "source"
        folder.mkdir()
        return Lent(clock=lambda: NOW, folder=folder, databases=DatabaseRules())

    @pytest.fixture
    def config(self, settings: Mapping[str, Any]) -> SourceConfig:
        config: SourceConfig = self.handler.config.model_validate(settings)
        return config

    @pytest.fixture
    async def source(self, config: SourceConfig, lent: Lent) -> AsyncIterator[Source]:
        source = self.handler.connect(config, lent)
        yield source
        await source.aclose()

    def configs(self, config: SourceConfig) -> list[SourceConfig]:
        return [config, *(self.handler.config.model_validate(settings) for settings in self.other_settings)]

    # Settings

    def test_the_registry_takes_the_handler(self):
        assert list(Registry([self.handler])) == [self.handler]

    def test_settings_are_frozen(self, config):
        name = next(iter(type(config).model_fields))
        with pytest.raises(ValidationError):
            setattr(config, name, getattr(config, name))

    def test_an_unknown_setting_is_refused(self, settings):
        with pytest.raises(ValidationError):
            self.handler.config.model_validate({**settings, "no_such_setting": 1})

    def test_every_setting_tells_people_what_it_is(self):
        for model in _models(self.handler.config):
            for name, field in model.model_fields.items():
                assert field.title, f"{model.__name__}.{name} has no title"
                assert field.description, f"{model.__name__}.{name} has no description"
                assert field.description[0].isupper(), f"{model.__name__}.{name}: a sentence begins with a capital"
                assert field.description.endswith("."), f"{model.__name__}.{name}: a sentence ends with a full stop"

    def test_settings_survive_a_round_trip_through_json(self, settings, config):
        stored = json.loads(config.model_dump_json(exclude=set(self.handler.secret_fields())))
        secrets = {name: settings[name] for name in self.handler.secret_fields() if name in settings}
        assert self.handler.config.model_validate({**stored, **secrets}) == config

    def test_a_secret_shows_nowhere(self, settings):
        secret = dict.fromkeys(self.handler.secret_fields(), CANARY)
        config = self.handler.config.model_validate({**settings, **secret})
        shown = [repr(config), str(config), config.model_dump_json(), str(config.model_dump()), str(dict(config))]
        assert not [text for text in shown if CANARY in text]
        for name in secret:
            kept = getattr(config, name)
            assert isinstance(kept, SecretStr)
            assert kept.get_secret_value() == CANARY

    def test_a_refused_setting_is_not_repeated(self, settings):
        secret = dict.fromkeys(self.handler.secret_fields(), CANARY)
        with pytest.raises(ValidationError) as refused:
            self.handler.config.model_validate({**settings, **secret, "no_such_setting": CANARY})
        assert CANARY not in str(refused.value)

    def test_no_default_is_a_secret(self):
        for name in self.handler.secret_fields():
            field = self.handler.config.model_fields[name]
            assert field.is_required() or field.default is None

    # Searching and fetching

    async def test_a_check_names_the_account(self, source):
        name = await source.check()
        assert 0 < len(name) <= 300
        assert name == name.strip()

    def test_connecting_talks_to_nobody(self, config, lent):
        self.handler.connect(config, lent)
        assert list(lent.folder.iterdir()) == []

    async def test_a_search_finds_no_more_than_asked_for(self, source):
        everything = await source.search(SearchQuery(text=self.finds, limit=100))
        assert len(everything) >= 2, "`finds` must find at least two documents"
        assert await source.search(SearchQuery(text=self.finds, limit=1)) == everything[:1]
        assert len({hit.id for hit in everything}) == len(everything)

    async def test_every_hit_can_be_fetched_under_its_id(self, source):
        for hit in await source.search(SearchQuery(text=self.finds, limit=10)):
            document = await source.fetch(hit.id)
            assert document.id == hit.id
            assert document.title == hit.title
            assert document.text
            assert all(isinstance(part, str) for pair in document.metadata.items() for part in pair)

    async def test_every_hit_is_fit_to_be_shown(self, source):
        for hit in await source.search(SearchQuery(text=self.finds, limit=10)):
            assert hit.id
            assert hit.title
            assert hit.url == "" or re.match(r"https?://", hit.url)
            assert hit.updated_at is None or hit.updated_at.tzinfo is UTC
            assert all(isinstance(part, str) for pair in hit.facts.items() for part in pair)

    async def test_the_same_search_finds_the_same(self, source):
        query = SearchQuery(text=self.finds, limit=20)
        assert await source.search(query) == await source.search(query)

    async def test_searches_at_the_same_time_do_not_disturb_each_other(self, source):
        query = SearchQuery(text=self.finds, limit=20)
        alone = await source.search(query)
        together = await asyncio.gather(*(source.search(query) for _ in range(8)))
        assert together == [alone] * 8

    async def test_nothing_typed_is_taken_for_syntax(self, source):
        for text in STRANGE_QUERIES:
            hits = await source.search(SearchQuery(text=text, limit=5))
            assert len(hits) <= 5, text

    async def test_an_id_that_is_not_ours_is_not_found(self, source):
        for strange in STRANGE_IDS:
            with pytest.raises(NotFound) as refused:
                await source.fetch(strange)
            assert len(strange.strip()) < 5 or strange not in refused.value.message

    async def test_texts_are_told_for_ids_that_have_one(self, source):
        ids = [hit.id for hit in await source.search(SearchQuery(text=self.finds, limit=3))]
        if isinstance(source, Peeks):
            texts = await source.texts([*ids, "no-such-id-anywhere"])
            assert set(texts) <= set(ids)
            assert all(texts.values())

    async def test_an_unused_source_can_be_closed(self, config, lent):
        await self.handler.connect(config, lent).aclose()

    async def test_a_closed_source_leaves_nothing_running(self, config, lent):
        before = asyncio.all_tasks()
        source = self.handler.connect(config, lent)
        await source.search(SearchQuery(text=self.finds, limit=3))
        await source.aclose()
        assert asyncio.all_tasks() <= before

    # Tools

    def test_the_same_settings_offer_the_same_tools(self, config):
        for each in self.configs(config):
            assert list(self.handler.tools(each)) == list(self.handler.tools(each))

    def test_tools_have_names_of_their_own_that_clients_accept(self, config):
        for each in self.configs(config):
            names = [tool.name for tool in self.handler.tools(each)]
            assert len(set(names)) == len(names)
            for name in names:
                assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
                assert len(f"{LONGEST_KEY}_{name}") <= 64, name

    def test_tools_tell_what_they_do(self, config):
        for tool in self.tools(config):
            assert tool.title
            assert 10 <= len(tool.description) <= 1_000
            assert tool.answer.model_json_schema()["type"] == "object"

    def test_arguments_are_plain_and_described(self, config):
        for tool in self.tools(config):
            schema = tool.arguments.model_json_schema()
            assert schema["type"] == "object"
            assert schema["additionalProperties"] is False, f"{tool.name} takes unknown arguments"
            assert "$ref" not in json.dumps(schema), f"{tool.name}: some clients do not follow references"
            for name, argument in schema.get("properties", {}).items():
                assert argument.get("description"), f"{tool.name}: {name} is not described"

    def test_hints_do_not_contradict_each_other(self, config):
        for tool in self.tools(config):
            assert not (tool.hints.read_only and tool.hints.destructive), tool.name

    def tools(self, config: SourceConfig) -> list[Tool[Any, Any]]:
        return [tool for each in self.configs(config) for tool in self.handler.tools(each)]

    # Resources

    async def test_every_resource_can_be_read_to_its_end(self, source):
        if not isinstance(source, Browsable):
            return
        assert self.handler.scheme
        for resource in await source.resources():
            assert re.fullmatch(r"[A-Za-z0-9_\-/]+", resource.path)
            cursor, pages = None, 0
            while pages == 0 or cursor is not None:
                page = await source.read(resource.path, cursor)
                json.loads(page.text)
                cursor, pages = page.next, pages + 1
                assert pages < 1_000

    async def test_what_is_no_resource_is_not_found(self, source):
        if isinstance(source, Browsable):
            for path in (
                "",
                "no-such-resource",
                "../customers",
                "customers\0",
                "sqlite_master",
                "pg_catalog/pg_authid",
            ):
                with pytest.raises(NotFound):
                    await source.read(path, None)

    async def test_a_cursor_that_is_not_ours_is_refused(self, source):
        if isinstance(source, Browsable):
            for resource in await source.resources():
                for cursor in ("", "x", "'", "AAAA", "\0", "\ud800", "9" * 5_000, "MSBPUiAxPTE"):
                    with pytest.raises(Invalid):
                        await source.read(resource.path, cursor)


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The model and every model inside it."""
    found = [model]
    for field in model.model_fields.values():
        found += [inner for part in _parts(field.annotation) for inner in _models(part)]
    return found


def _parts(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _parts(part)]
