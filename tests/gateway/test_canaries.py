"""Two tenants in one process, who ask the same questions of sources with the same ids, while settings change and
domains pass from one to the other: nothing of one reaches the other, and nothing old reaches anybody."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from handlers.base import Document, Hit, SearchQuery
from tests.gateway.wire import LEGACY, MODERN, call
from tests.scripted import Script, Theatre, hit, theatre
from tests.stand import Person

TENANTS = ("ann", "bob")
QUESTIONS = ("plans", "who pays")
DOMAINS = "http://localhost:8001,http://localhost:8002"
tenants = st.sampled_from(TENANTS)
questions = st.sampled_from(QUESTIONS)
versions = st.sampled_from([LEGACY[-1], MODERN])


def scripted(canary: str) -> Script:
    """A source whose every word is its canary, under ids and titles that others have too."""

    async def search(query: SearchQuery) -> Sequence[Hit]:
        await asyncio.sleep(0.005)
        return [hit("1", "Same title", text=f"{canary} on {query.text}")]

    async def fetch(id: str) -> Document:
        await asyncio.sleep(0.005)
        return Document(id=id, title="Same title", text=canary)

    return Script(searching=search, fetching=fetch)


class Town:
    """One process with both tenants, each with a source and a server."""

    def __init__(self, scene: Theatre) -> None:
        self.scene = scene
        self._numbers = itertools.count(1)
        self.people: dict[str, Person] = {}
        self.sources: dict[str, dict[str, Any]] = {}
        self.servers: dict[str, dict[str, Any]] = {}
        self.canaries: dict[str, str] = {}

    async def settle(self, tenant: str) -> None:
        self.people[tenant] = person = await self.scene.house.person(tenant)
        canary = self._new_canary(tenant)
        self.sources[tenant] = await self.scene.stage.source(self.scene.house, person, canary, scripted(canary))
        await self.open(tenant)

    async def open(self, tenant: str) -> None:
        self.servers[tenant] = await self.scene.house.server(
            self.people[tenant], [self.sources[tenant]], access="public"
        )

    async def close(self, tenant: str) -> None:
        path = f"/api/v1/mcp-servers/{self.servers.pop(tenant)['id']}"
        (await self.people[tenant].http.delete(path)).raise_for_status()

    async def change(self, tenant: str) -> None:
        canary = self._new_canary(tenant)
        self.scene.stage.scripts[canary] = scripted(canary)
        form = {"name": "Mine", "type": "scripted", "config": {"script": canary}}
        path = f"/api/v1/sources/{self.sources[tenant]['id']}"
        (await self.people[tenant].http.put(path, json=form)).raise_for_status()

    async def search(self, tenant: str, question: str, version: str) -> None:
        answer = await self._call(tenant, version, "search", {"query": question})
        assert json.loads(answer)["results"], answer
        self._expect(answer, tenant)

    async def fetch(self, tenant: str, version: str) -> None:
        self._expect(await self._call(tenant, version, "fetch", {"id": f"{self.sources[tenant]['key']}:1"}), tenant)

    async def fetch_of_the_other(self, tenant: str, version: str) -> None:
        other = self.sources[TENANTS[1 - TENANTS.index(tenant)]]
        answer = await self._call(tenant, version, "fetch", {"id": f"{other['key']}:1"})
        assert "canary" not in answer

    async def _call(self, tenant: str, version: str, tool: str, arguments: dict[str, str]) -> str:
        client = self.scene.house.client(str(self.servers[tenant]["url"]).removesuffix("/mcp"))
        reply = await call(client, version, "tools/call", {"name": tool, "arguments": arguments})
        text: str = reply["result"]["content"][0]["text"]
        return text

    def _new_canary(self, tenant: str) -> str:
        self.canaries[tenant] = f"canary{tenant}{next(self._numbers)}end"
        return self.canaries[tenant]

    def _expect(self, answer: str, tenant: str) -> None:
        seen = {part.partition("end")[0] for part in answer.split("canary")[1:]}
        assert seen == {self.canaries[tenant].removeprefix("canary").removesuffix("end")}


class Canaries(RuleBasedStateMachine):
    """Runs the town in another thread, in whose loop everything belongs."""

    def __init__(self, template: Path, folder: Path) -> None:
        super().__init__()
        folder.mkdir()
        shutil.copyfile(template, folder / "gatehouse.db")
        self._exits = ExitStack()
        self._portal: BlockingPortal = self._exits.enter_context(start_blocking_portal())
        scene = theatre(
            f"sqlite+aiosqlite:///{folder / 'gatehouse.db'}",
            folder,
            answer_reuse_s=30,
            mcp_gateway_url_pools=DOMAINS,
        )
        self._town = Town(self._exits.enter_context(self._portal.wrap_async_context_manager(scene)))
        for tenant in TENANTS:
            self._portal.call(self._town.settle, tenant)

    def teardown(self) -> None:
        self._exits.close()

    @rule(tenant=tenants, question=questions, version=versions)
    def search(self, tenant: str, question: str, version: str) -> None:
        self._portal.call(self._town.search, tenant, question, version)

    @rule(question=questions, version=versions, times=st.integers(1, 4))
    def search_together(self, question: str, version: str, times: int) -> None:
        async def together() -> None:
            await asyncio.gather(*(self._town.search(tenant, question, version) for tenant in TENANTS * times))

        self._portal.call(together)

    @rule(tenant=tenants, version=versions)
    def fetch(self, tenant: str, version: str) -> None:
        self._portal.call(self._town.fetch, tenant, version)

    @rule(tenant=tenants, version=versions)
    def fetch_of_the_other(self, tenant: str, version: str) -> None:
        self._portal.call(self._town.fetch_of_the_other, tenant, version)

    @rule(tenant=tenants)
    def change_settings(self, tenant: str) -> None:
        self._portal.call(self._town.change, tenant)

    @rule()
    def trade_domains(self) -> None:
        async def trade() -> None:
            held = {tenant: server["domain"] for tenant, server in self._town.servers.items()}
            for tenant in TENANTS:
                await self._town.close(tenant)
            # The domain that comes first in the pool goes to whoever opens first: who had the other one.
            for tenant in sorted(TENANTS, key=lambda tenant: held[tenant], reverse=True):
                await self._town.open(tenant)
            assert {tenant: server["domain"] for tenant, server in self._town.servers.items()} == {
                TENANTS[0]: held[TENANTS[1]],
                TENANTS[1]: held[TENANTS[0]],
            }

        self._portal.call(trade)


def test_no_canary_crosses(sqlite_template: Path, tmp_path: Path):
    numbers = itertools.count()
    run_state_machine_as_test(
        lambda: Canaries(sqlite_template, tmp_path / str(next(numbers))),  # type: ignore[arg-type]  # only ever called
        settings=settings(
            max_examples=12,
            stateful_step_count=15,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
